import { concatAlong, gatherAlong, lastSliceAlong, moveAxisFirst } from '../../tensor/axis.ts';
import {
  copyInto,
  halfToNumber,
  makeData,
  rowsOf,
  type Tensor,
  type TensorData,
} from '../../tensor/tensor.ts';
import type { Model, NamedTensor } from '../model.ts';
import { type IoBinding, type StateBinding, stateBindings } from './io-binding.ts';
import { initialState, makeFeed } from './make-feed.ts';

/**
 * A batch of sequences being decoded in lockstep, one token per step; holds the recurrent state or KV cache, or the
 * texts so far for a model without either.
 */
export class DecodingSession {
  readonly #model: Model;
  readonly #binding: IoBinding;
  readonly #stateBindings: readonly StateBinding[];
  readonly #onStep: (tokens: number) => void;
  #rows: number;
  /** Next feed of each state input, by its name. */
  #states: ReadonlyMap<string, Tensor> = new Map();
  /** Tokens in the KV cache. */
  #pastLength = 0;
  /** The texts so far, in window mode. */
  #sequences: readonly Int32Array[] = [];
  /** Feeds of the last run, and for each row the position of its last token in them. */
  #feeds: readonly Tensor[] = [];
  #inputLength = 0;
  #lastPositions: Int32Array = new Int32Array(0);
  #outputs: ReadonlyMap<string, NamedTensor> = new Map();

  private constructor(model: Model, binding: IoBinding, rows: number, onStep: (tokens: number) => void) {
    this.#model = model;
    this.#binding = binding;
    this.#stateBindings = stateBindings(binding);
    this.#onStep = onStep;
    this.#rows = rows;
  }

  /**
   * Reads prompts (prefill).
   *
   * @param prompts none of them empty; all of one length in cached mode, and in window mode without a fixed length
   * @param onStep called after each run of the model, with the tokens that it read
   */
  static async open(
    model: Model,
    binding: IoBinding,
    prompts: readonly Int32Array[],
    onStep: (tokens: number) => void,
  ): Promise<DecodingSession> {
    const session = new DecodingSession(model, binding, prompts.length, onStep);
    switch (binding.mode) {
      case 'window':
        session.#sequences = prompts;
        await session.#runWindow();
        break;
      case 'cached':
        await session.#run(prompts[0].length, (row, position) => prompts[row][position]);
        break;
      case 'recurrent':
        await session.#prefillAligned(prompts);
        break;
    }
    return session;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Logits for the next token, `[rows, vocabularySize]`. */
  get logits(): ArrayLike<number> {
    const { logits } = this.#binding;
    const data = this.output(logits);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array)
      throw new TypeError('logits are not floating-point numbers');
    return this.#outputs.get(logits)?.type === 'float16' ? Float32Array.from(data, halfToNumber) : data;
  }

  /**
   * Appends one token to each row.
   *
   * @param tokens `[rows]`
   */
  async step(tokens: Int32Array): Promise<void> {
    if (this.#binding.mode !== 'window') return this.#run(1, (row) => tokens[row]);
    this.#sequences = this.#sequences.map((text, row) => {
      const longer = new Int32Array(text.length + 1);
      longer.set(text);
      longer[text.length] = tokens[row];
      return longer;
    });
    return this.#runWindow();
  }

  /** Continues with these rows, each as often as it is named. Outputs are gone until the next step. */
  selectRows(rows: ArrayLike<number>): void {
    if (rows.length === this.#rows && Array.from(rows).every((row, index) => row === index)) return;
    const states = new Map<string, Tensor>();
    for (const { input, batchAxis } of this.#stateBindings) {
      const state = this.#states.get(input.name);
      if (state !== undefined) states.set(input.name, gatherAlong(state, batchAxis, rows));
    }
    this.#states = states;
    if (this.#binding.mode === 'window') this.#sequences = Array.from(rows, (row) => this.#sequences[row]);
    this.#outputs = new Map();
    this.#feeds = [];
    this.#rows = rows.length;
  }

  /** A copy that is advanced independently. */
  fork(): DecodingSession {
    const copy = new DecodingSession(this.#model, this.#binding, this.#rows, this.#onStep);
    copy.#states = this.#states;
    copy.#pastLength = this.#pastLength;
    copy.#sequences = this.#sequences;
    copy.#feeds = this.#feeds;
    copy.#inputLength = this.#inputLength;
    copy.#lastPositions = this.#lastPositions;
    copy.#outputs = this.#outputs;
    return copy;
  }

  /** An output at the last token of each row, `[rows, …]`; of a cache, its newest slice. */
  output(name: string): TensorData {
    const tensor = this.#outputOf(name);
    if (name === this.#binding.logits && !this.#binding.hasLogitsPerPosition) return tensor.data;
    const state = this.#stateBindings.find(({ output }) => output === name);
    if (state === undefined) return this.#sliceLastPosition(tensor);
    const { batchAxis, growthAxis } = state;
    return moveAxisFirst(growthAxis === undefined ? tensor : lastSliceAlong(tensor, growthAxis), batchAxis);
  }

  /** Inner tensors at the last token of each row, `[rows, …]`; repeats the last run with them exposed. */
  async watch(names: readonly string[]): Promise<TensorData[]> {
    const { activations } = await this.#model.run(this.#feeds, names);
    return activations.map((tensor) => this.#sliceLastPosition(tensor));
  }

  #outputOf(name: string): NamedTensor {
    const tensor = this.#outputs.get(name);
    if (tensor === undefined) throw new Error(`the model gave no ${name}`);
    return tensor;
  }

  /** Reduces a tensor `[rows, length, …]` to the last token of each row; others stay whole. */
  #sliceLastPosition({ name, type, shape, data }: NamedTensor): TensorData {
    const hasPositions =
      shape[0] === this.#rows && shape[1] === this.#inputLength && this.#isPerPosition(name, shape);
    if (!hasPositions || this.#inputLength === 1) return data;
    const size = data.length / (shape[0] * shape[1]);
    const out = makeData(type, this.#rows * size);
    for (let row = 0; row < this.#rows; row++) {
      const position = row * this.#inputLength + this.#lastPositions[row];
      copyInto(out, rowsOf(data, size, position, position + 1), row * size);
    }
    return out;
  }

  /** True if a tensor's second dimension is positions: declared as free, or as the model's window. */
  #isPerPosition(name: string, shape: readonly number[]): boolean {
    const declared = this.#model.graph.shapes.get(name)?.[1];
    return typeof declared === 'number' ? declared === this.#binding.windowLength : shape.length >= 2;
  }

  /**
   * Prefills prompts of several lengths through a recurrent model so that all end at the same step: the longest starts
   * first, and rows are added as the others start.
   */
  async #prefillAligned(prompts: readonly Int32Array[]): Promise<void> {
    const order = Array.from(prompts, (_, row) => row).sort(
      (a, b) => prompts[b].length - prompts[a].length || a - b,
    );
    const longest = prompts[order[0]].length;
    this.#rows = 0;
    for (let step = 0; step < longest; step++) {
      let started = this.#rows;
      while (started < order.length && prompts[order[started]].length >= longest - step) started++;
      if (started > this.#rows) this.#addRows(started);
      await this.#run(1, (row) => {
        const prompt = prompts[order[row]];
        return prompt[prompt.length - longest + step];
      });
    }
    const indices = new Int32Array(order.length);
    order.forEach((row, index) => {
      indices[row] = index;
    });
    if (indices.some((index, row) => index !== row)) this.#reorderRows(indices);
  }

  /** Brings outputs, feeds and states of the last run into another order of rows. */
  #reorderRows(indices: Int32Array): void {
    const stateAxes = new Map(this.#stateBindings.map(({ output, batchAxis }) => [output, batchAxis]));
    this.#outputs = new Map(
      [...this.#outputs].map(([name, tensor]) => [
        name,
        { ...gatherAlong(tensor, stateAxes.get(name) ?? 0, indices), name },
      ]),
    );
    this.#feeds = this.#feeds.map((feed, i) => {
      const binding = this.#binding.inputs[i];
      if (binding.kind === 'branch') return feed;
      return gatherAlong(feed, binding.kind === 'state' ? binding.batchAxis : 0, indices);
    });
    this.#updateStates();
  }

  /** Adds rows, up to `rows` in all, with a state of zeros. */
  #addRows(rows: number): void {
    const states = new Map<string, Tensor>();
    for (const binding of this.#stateBindings) {
      const { input, batchAxis } = binding;
      const added = initialState(binding, rows - this.#rows);
      const before = this.#states.get(input.name);
      states.set(
        input.name,
        before === undefined || this.#rows === 0 ? added : concatAlong(before, added, batchAxis),
      );
    }
    this.#states = states;
    this.#rows = rows;
  }

  /**
   * Runs the texts so far. A text shorter than the window stands at its beginning, since later positions do not affect
   * earlier ones; but at its end if only the last position has logits.
   */
  #runWindow(): Promise<void> {
    const { windowLength, hasLogitsPerPosition } = this.#binding;
    const texts = this.#sequences;
    const length = windowLength ?? texts[0].length;
    return this.#run(
      length,
      (row, position) => {
        const text = texts[row];
        const from = hasLogitsPerPosition ? Math.max(0, text.length - length) : text.length - length;
        return text[from + position] ?? 0;
      },
      Int32Array.from(texts, (text) => (hasLogitsPerPosition ? Math.min(text.length, length) : length) - 1),
    );
  }

  async #run(
    length: number,
    tokenAt: (row: number, position: number) => number,
    lastPositions = new Int32Array(this.#rows).fill(length - 1),
  ): Promise<void> {
    const positions = { rows: this.#rows, length, past: this.#pastLength };
    this.#feeds = this.#binding.inputs.map(
      (binding) => this.#states.get(binding.input.name) ?? makeFeed(binding, positions, tokenAt),
    );
    const { outputs } = await this.#model.run(this.#feeds, []);
    this.#onStep(this.#rows * length);
    this.#outputs = new Map(outputs.map((tensor) => [tensor.name, tensor]));
    this.#inputLength = length;
    this.#lastPositions = lastPositions;
    if (this.#binding.mode === 'cached') this.#pastLength += length;
    this.#updateStates();
  }

  #updateStates(): void {
    this.#states = new Map(
      this.#stateBindings.map(({ input, output }) => [input.name, this.#outputOf(output)]),
    );
  }
}
