import {
  copyInto,
  halfToNumber,
  makeData,
  sizeOf,
  type Tensor,
  type TensorData,
} from '../../tensor/tensor.ts';
import type { Model, NamedTensor } from '../model.ts';
import { type InputBinding, type IoBinding, makeFeed } from './io-binding.ts';

/** Texts on their way through a model, token by token, all at the same place of their answers. */
export class DecodingSession {
  readonly #model: Model;
  readonly #binding: IoBinding;
  readonly #onStep: () => void;
  #rows: number;
  /** What each state input gets next, by its name. */
  #states: ReadonlyMap<string, Tensor> = new Map();
  /** Tokens that the state knows already, where it grows. */
  #pastLength = 0;
  /** The texts so far, where the model is given all of them each time. */
  #sequences: readonly Int32Array[] = [];
  /** What the last run was given, and which place of it is the last token's. */
  #feeds: readonly Tensor[] = [];
  #inputLength = 0;
  #lastPositions: Int32Array = new Int32Array(0);
  #outputs: ReadonlyMap<string, NamedTensor> = new Map();

  private constructor(model: Model, wiring: IoBinding, rows: number, stepped: () => void) {
    this.#model = model;
    this.#onStep = stepped;
    this.#binding = wiring;
    this.#rows = rows;
  }

  /**
   * Begins with some prompts: of any lengths where the model carries a state of one size, else all of one.
   *
   * @param prompts none of them empty
   * @param stepped told after each run of the model
   */
  static async open(
    model: Model,
    wiring: IoBinding,
    prompts: readonly Int32Array[],
    stepped: () => void,
  ): Promise<DecodingSession> {
    const course = new DecodingSession(model, wiring, prompts.length, stepped);
    if (wiring.mode === 'window') {
      course.#sequences = prompts;
      await course.#runWindow();
    } else if (wiring.mode === 'cached') {
      await course.#run(prompts[0].length, (row, place) => prompts[row][place]);
    } else await course.#prefillAligned(prompts);
    return course;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Logits for the next token, `[rows, size]`. */
  get logits(): ArrayLike<number> {
    const { logits } = this.#binding;
    const data = this.output(logits);
    return this.#outputs.get(logits)?.type === 'float16'
      ? Float32Array.from(data as Uint16Array, halfToNumber)
      : (data as Float32Array);
  }

  /** Gives each row one more token. */
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

  /** Goes on with some of the rows alone, a row as often as it is named. */
  selectRows(rows: ArrayLike<number>): void {
    if (rows.length === this.#rows && Array.from(rows).every((row, place) => row === place)) return;
    this.#states = new Map(
      [...this.#states].map(([name, tensor]) => [name, gatherAlong(tensor, this.#batchAxisOf(name), rows)]),
    );
    if (this.#binding.mode === 'window') this.#sequences = Array.from(rows, (row) => this.#sequences[row]);
    this.#outputs = new Map();
    this.#feeds = [];
    this.#rows = rows.length;
  }

  /** Another one at the same place, which goes its own way. */
  fork(): DecodingSession {
    const other = new DecodingSession(this.#model, this.#binding, this.#rows, this.#onStep);
    other.#states = this.#states;
    other.#pastLength = this.#pastLength;
    other.#sequences = this.#sequences;
    other.#feeds = this.#feeds;
    other.#inputLength = this.#inputLength;
    other.#lastPositions = this.#lastPositions;
    other.#outputs = this.#outputs;
    return other;
  }

  /** An output at the last token of each row, `[rows, …]`: a state as it was left, others at that place. */
  output(name: string): TensorData {
    const tensor = this.#outputs.get(name);
    if (tensor === undefined) throw new Error(`the model gave no ${name}`);
    const state = this.#stateBindingOf(name);
    if (name === this.#binding.logits && !this.#binding.hasLogitsPerPosition) return tensor.data;
    if (state === undefined) return this.#sliceLastPosition(tensor);
    // What grows is told by its newest part.
    const { batchAxis, growthAxis } = state;
    const newest = growthAxis === undefined ? tensor : lastSliceAlong(tensor, growthAxis);
    return moveAxisFirst(newest, batchAxis);
  }

  /** Inner tensors at the last token of each row: the last run once more, with them exposed. */
  async watch(names: readonly string[]): Promise<TensorData[]> {
    const { activations } = await this.#model.run(this.#feeds, names);
    return activations.map((tensor) => this.#sliceLastPosition(tensor));
  }

  #stateBindingOf(output: string) {
    return this.#binding.inputs.find((plug) => plug.kind === 'state' && plug.output === output) as
      | Extract<InputBinding, { kind: 'state' }>
      | undefined;
  }

  #batchAxisOf(input: string): number {
    const plug = this.#binding.inputs.find((one) => one.input.name === input) as Extract<
      InputBinding,
      { kind: 'state' }
    >;
    return plug.batchAxis;
  }

  /** Of a tensor with a value for each place, those at the last token. */
  #sliceLastPosition({ name, shape, data }: NamedTensor): TensorData {
    const isPlaced =
      shape[0] === this.#rows && shape[1] === this.#inputLength && this.#isPerPosition(name, shape);
    if (!isPlaced || this.#inputLength === 1) return data;
    const size = data.length / (shape[0] * shape[1]);
    const out = (data as Float32Array).slice(0, this.#rows * size);
    for (let row = 0; row < this.#rows; row++) {
      const from = (row * this.#inputLength + this.#lastPositions[row]) * size;
      out.set((data as Float32Array).subarray(from, from + size), row * size);
    }
    return out;
  }

  /** Whether a tensor's second size is that of the text: it is open then, or what the model fixes the text to. */
  #isPerPosition(name: string, shape: readonly number[]): boolean {
    const declared = this.#model.graph.shapes.get(name)?.[1];
    return typeof declared === 'number' ? declared === this.#binding.windowLength : shape.length >= 2;
  }

  /** Prompts of several lengths through a model with a state of one size, so that all end at the same step. */
  async #prefillAligned(prompts: readonly Int32Array[]): Promise<void> {
    const order = Array.from(prompts, (_, row) => row).sort(
      (a, b) => prompts[b].length - prompts[a].length || a - b,
    );
    const longest = prompts[order[0]].length;
    this.#rows = 0;
    for (let step = 0; step < longest; step++) {
      let begun = this.#rows;
      while (begun < order.length && prompts[order[begun]].length >= longest - step) begun++;
      if (begun > this.#rows) this.#addRows(begun);
      await this.#run(1, (row) => {
        const prompt = prompts[order[row]];
        return prompt[prompt.length - longest + step];
      });
    }
    const places = new Int32Array(order.length);
    order.forEach((row, place) => {
      places[row] = place;
    });
    if (places.every((place, row) => place === row)) return;
    const outputs = new Map(
      [...this.#outputs].map(([name, tensor]) => [name, this.#reorderRows(tensor, places)]),
    );
    const feeds = this.#feeds.map((feed, i) => {
      const plug = this.#binding.inputs[i];
      return plug.kind === 'branch'
        ? feed
        : gatherAlong(feed, plug.kind === 'state' ? plug.batchAxis : 0, places);
    });
    this.#outputs = outputs;
    this.#feeds = feeds;
    this.#updateStates();
  }

  #reorderRows(tensor: NamedTensor, places: Int32Array): NamedTensor {
    return {
      ...gatherAlong(tensor, this.#stateBindingOf(tensor.name)?.batchAxis ?? 0, places),
      name: tensor.name,
    };
  }

  /** Lets rows begin: with a state of zeros behind those that are on their way. */
  #addRows(rows: number): void {
    const states = new Map<string, Tensor>();
    for (const plug of this.#binding.inputs) {
      if (plug.kind !== 'state') continue;
      const fresh = makeFeed(plug, rows - this.#rows, 1, 0, () => 0);
      const before = this.#states.get(plug.input.name);
      states.set(
        plug.input.name,
        before === undefined || this.#rows === 0 ? fresh : concatAlong(before, fresh, plug.batchAxis),
      );
    }
    this.#states = states;
    this.#rows = rows;
  }

  #runWindow(): Promise<void> {
    const { windowLength } = this.#binding;
    const texts = this.#sequences;
    const length = windowLength ?? texts[0].length;
    // A text that is shorter than the window stands at its beginning: what follows does not matter to what is before.
    // Where the last place alone has logits, it stands at the end.
    const { hasLogitsPerPosition } = this.#binding;
    return this.#run(
      length,
      (row, place) => {
        const text = texts[row];
        const from = hasLogitsPerPosition ? Math.max(0, text.length - length) : text.length - length;
        return text[from + place] ?? 0;
      },
      Int32Array.from(texts, (text) => (hasLogitsPerPosition ? Math.min(text.length, length) : length) - 1),
    );
  }

  async #run(
    length: number,
    tokenAt: (row: number, place: number) => number,
    lastPlaces = new Int32Array(this.#rows).fill(length - 1),
  ): Promise<void> {
    const { inputs } = this.#binding;
    this.#feeds = inputs.map((plug) => {
      const state = plug.kind === 'state' ? this.#states.get(plug.input.name) : undefined;
      return state ?? makeFeed(plug, this.#rows, length, this.#pastLength, tokenAt);
    });
    const { outputs } = await this.#model.run(this.#feeds, []);
    this.#onStep();
    this.#outputs = new Map(outputs.map((tensor) => [tensor.name, tensor]));
    this.#inputLength = length;
    this.#lastPositions = lastPlaces;
    if (this.#binding.mode === 'cached') this.#pastLength += length;
    this.#updateStates();
  }

  #updateStates(): void {
    const states = new Map<string, Tensor>();
    for (const plug of this.#binding.inputs) {
      if (plug.kind !== 'state') continue;
      states.set(plug.input.name, this.#outputs.get(plug.output) as Tensor);
    }
    this.#states = states;
  }
}

/** Slices of a tensor along one dimension, in another order, or some more than once. */
function gatherAlong(tensor: Tensor, axis: number, places: ArrayLike<number>): Tensor {
  const { type, shape, data } = tensor;
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const sizes = shape.map((size, i) => (i === axis ? places.length : size));
  const out = makeData(type, sizeOf(sizes));
  for (let block = 0; block < outer; block++)
    for (let place = 0; place < places.length; place++) {
      const from = (block * shape[axis] + places[place]) * inner;
      copyInto(out, data.subarray(from, from + inner) as TensorData, (block * places.length + place) * inner);
    }
  return { type, shape: sizes, data: out };
}

/** Two tensors one behind the other along a dimension. */
function concatAlong(first: Tensor, second: Tensor, axis: number): Tensor {
  const { type, shape } = first;
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const [a, b] = [shape[axis] * inner, second.shape[axis] * inner];
  const sizes = shape.map((size, i) => (i === axis ? size + second.shape[axis] : size));
  const out = makeData(type, sizeOf(sizes));
  for (let block = 0; block < outer; block++) {
    copyInto(out, first.data.subarray(block * a, (block + 1) * a) as TensorData, block * (a + b));
    copyInto(out, second.data.subarray(block * b, (block + 1) * b) as TensorData, block * (a + b) + a);
  }
  return { type, shape: sizes, data: out };
}

/** The last slice along a dimension. */
function lastSliceAlong(tensor: Tensor, axis: number): Tensor {
  return gatherAlong(tensor, axis, [tensor.shape[axis] - 1]);
}

/** A tensor's values with one dimension before all others. */
function moveAxisFirst({ type, shape, data }: Tensor, axis: number): TensorData {
  if (axis === 0) return data;
  const rows = shape[axis];
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const out = makeData(type, data.length);
  for (let row = 0; row < rows; row++)
    for (let block = 0; block < outer; block++) {
      const from = (block * rows + row) * inner;
      copyInto(out, data.subarray(from, from + inner) as TensorData, (row * outer + block) * inner);
    }
  return out;
}
