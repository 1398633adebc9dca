import { sizeOf, type Tensor } from '../../tensor/tensor.ts';
import {
  type Differentiable,
  type Gradient,
  NoGradientError,
  type RecordedRun,
  type TokenProjection,
  type TokenReplacements,
} from '../gradients/gradient.ts';
import type { Model } from '../model.ts';
import { type IoBinding, type StateBinding, stateBindings, type TokenBinding } from './io-binding.ts';
import { initialState, makeFeed } from './make-feed.ts';
import type { CandidateContinuation } from './prefilled-prompts.ts';
import type { Sampler } from './sampler.ts';

/** Lengths are rounded up to a multiple of this, since a gradient is prepared for each. */
const LENGTH_STEP = 16;

/** A prompt with the continuation whose likelihood is differentiated. */
export interface ScoredText {
  /** Start tokens and prompt. */
  readonly text: Int32Array;
  readonly continuation: CandidateContinuation | undefined;
}

/** Gradients at the look-ups of a run's tokens, `[rows · length, width]` each. */
type LookupGradients = readonly Float32Array[];

/** One run of the network on whole texts, which begin or end at its first or last position. */
interface WholeRun {
  readonly length: number;
  /** Index of the text's token at the first position, by row; below 0 where padding comes first. */
  readonly from: readonly number[];
}

/**
 * Gradients of −log₂ P(continuation | prompt) with respect to what the prompts' tokens are looked up as. Networks that read whole texts
 * are differentiated as one graph; recurrent ones step by step, the gradient of the state going back from step to step.
 */
export class PromptGradients {
  readonly #network: Model;
  readonly #gradients: Differentiable;
  readonly #binding: IoBinding;
  readonly #tokens: TokenBinding;
  readonly #states: readonly StateBinding[];
  readonly #sampler: Sampler;
  readonly #onStep: () => void;

  /**
   * @param gradients of the network
   * @param onStep called after each run of the network
   */
  constructor(
    network: Model,
    gradients: Differentiable,
    binding: IoBinding,
    sampler: Sampler,
    onStep: () => void,
  ) {
    this.#network = network;
    this.#gradients = gradients;
    this.#binding = binding;
    const tokens = binding.inputs.find((input) => input.kind === 'tokens');
    if (tokens === undefined) throw new Error(`${network.path} takes no tokens`);
    this.#tokens = tokens;
    this.#states = stateBindings(binding);
    this.#sampler = sampler;
    this.#onStep = onStep;
  }

  /**
   * The best replacements of the last `width` tokens of each text; texts that are shorter are filled up behind.
   *
   * @param skipped start tokens of each text, which are not replaced
   * @throws NoGradientError if no way leads from the logits to the tokens
   */
  async replacements(
    texts: readonly ScoredText[],
    skipped: number,
    width: number,
    barred: Float32Array,
    count: number,
  ): Promise<TokenReplacements> {
    const probe = this.#feeds(1, 1, () => 0);
    const projection = await this.#gradients.tokenProjection?.(this.#tokens.input.name, probe);
    if (projection === undefined) throw new NoGradientError(this.#binding.logits, []);
    const collector = new PromptCollector(texts, skipped, width, projection.lookups.length);
    if (this.#binding.mode === 'recurrent') await this.#throughSteps(texts, projection, collector);
    else if (this.#binding.hasLogitsPerPosition) await this.#throughWhole(texts, projection, collector);
    else await this.#throughEnds(texts, projection, collector);
    return projection.project(collector.gradients, collector.ids, barred, count);
  }

  /** A network that gives logits for every position: all of a continuation is scored in one run. */
  async #throughWhole(
    texts: readonly ScoredText[],
    projection: TokenProjection,
    collector: PromptCollector,
  ): Promise<void> {
    const { windowLength } = this.#binding;
    const longest = Math.max(...texts.map((text) => tokensOf(text).length));
    const rounded = windowLength ?? LENGTH_STEP * Math.ceil(longest / LENGTH_STEP);
    try {
      await this.#throughRun(texts, projection, collector, wholeRun(texts, rounded));
    } catch (error) {
      // A position beyond those that the network knows fails the run.
      if (error instanceof NoGradientError || rounded === longest || windowLength !== undefined) throw error;
      await this.#throughRun(texts, projection, collector, wholeRun(texts, longest));
    }
  }

  async #throughRun(
    texts: readonly ScoredText[],
    projection: TokenProjection,
    collector: PromptCollector,
    { length, from }: WholeRun,
  ): Promise<void> {
    const { logits: logitsName, vocabularySize } = this.#binding;
    const tokens = texts.map(tokensOf);
    const feeds = this.#feeds(
      texts.length,
      length,
      (row, position) => tokens[row][from[row] + position] ?? 0,
    );
    const gradient = await this.#prepare([], projection.lookups, feeds);
    const run = await this.#record(gradient, feeds);
    const logits = numbersOf(run.results, logitsName);
    const upstream = new Float32Array(texts.length * length * vocabularySize);
    texts.forEach((text, row) => {
      for (let step = 0; step < stepsOf(text); step++) {
        const position = text.text.length - 1 + step - from[row];
        if (position >= 0 && position < length)
          this.#addSlope(text, step, logits, row * length + position, upstream);
      }
    });
    const parts = await run.back(upstreamTensor(gradient.shape, upstream));
    this.#onStep();
    collector.add(parts, length, from);
  }

  /** A network that gives logits for the last position alone: each token of a continuation is a run of its own. */
  async #throughEnds(
    texts: readonly ScoredText[],
    projection: TokenProjection,
    collector: PromptCollector,
  ): Promise<void> {
    const { windowLength, logits: logitsName, vocabularySize } = this.#binding;
    for (const [row, text] of texts.entries()) {
      const tokens = tokensOf(text);
      for (let step = 0; step < stepsOf(text); step++) {
        const end = text.text.length + step;
        const length = windowLength ?? end;
        const from = end - length;
        const feeds = this.#feeds(1, length, (_, position) => tokens[from + position] ?? 0);
        const gradient = await this.#prepare([], projection.lookups, feeds);
        const run = await this.#record(gradient, feeds);
        const upstream = new Float32Array(vocabularySize);
        this.#addSlope(text, step, numbersOf(run.results, logitsName), 0, upstream);
        const parts = await run.back(upstreamTensor(gradient.shape, upstream));
        this.#onStep();
        collector.addRow(parts, row, length, from);
      }
    }
  }

  /** A network with a state of one size: back from the last token to the first. All prompts end at the same step. */
  async #throughSteps(
    texts: readonly ScoredText[],
    projection: TokenProjection,
    collector: PromptCollector,
  ): Promise<void> {
    const { logits: logitsName, vocabularySize } = this.#binding;
    const rows = texts.length;
    const tokens = texts.map(tokensOf);
    const longest = Math.max(...texts.map(({ text }) => text.length));
    const starts = texts.map(({ text }) => longest - text.length);
    const count = Math.max(...texts.map((text) => longest - 1 + stepsOf(text)));
    const outputs = this.#states.map(({ output }) => output);
    const inputs = this.#states.map(({ input }) => input.name);
    const runs: RecordedRun[] = [];
    let gradient: Gradient | undefined;
    let states: readonly Tensor[] = this.#states.map((state) => initialState(state, rows));
    for (let step = 0; step < count; step++) {
      states = states.map((state, i) => withoutRows(state, this.#states[i], (row) => step <= starts[row]));
      const feeds = this.#feeds(rows, 1, (row) => tokens[row][step - starts[row]] ?? 0, states);
      gradient ??= await this.#prepare(outputs, [...inputs, ...projection.lookups], feeds);
      const run = await this.#record(gradient, feeds);
      states = outputs.map((output) => run.results.get(output) as Tensor);
      runs.push(run);
    }
    if (gradient === undefined) return;
    let further: readonly Tensor[] = states.map(zerosLike);
    for (let step = count - 1; step >= 0; step--) {
      const upstream = new Float32Array(rows * vocabularySize);
      texts.forEach((text, row) => {
        const scored = step - (longest - 1);
        if (scored >= 0 && scored < stepsOf(text))
          this.#addSlope(text, scored, numbersOf(runs[step].results, logitsName), row, upstream);
      });
      const parts = await runs[step].back(upstreamTensor(gradient.shape, upstream), further);
      this.#onStep();
      further = inputs.map((_, i) => withoutRows(parts[i], this.#states[i], (row) => step <= starts[row]));
      collector.add(
        parts.slice(inputs.length),
        1,
        starts.map((start) => step - start),
      );
    }
  }

  /** Adds the slope of −log₂ of the probability of a continuation's token by the logits at a position. */
  #addSlope(
    { continuation }: ScoredText,
    step: number,
    logits: ArrayLike<number>,
    position: number,
    upstream: Float32Array,
  ): void {
    const accepted = continuation && acceptedAt(continuation, step);
    if (accepted === undefined) return;
    const { vocabularySize } = this.#binding;
    this.#sampler.addSlopeOfSet(logits, position, vocabularySize, accepted, upstream);
  }

  #prepare(alsoOf: readonly string[], wrt: readonly string[], feeds: readonly Tensor[]): Promise<Gradient> {
    const of = this.#binding.logits;
    return this.#gradients.gradient({ of, alsoOf, wrt, straightThrough: true, layout: 'separate' }, feeds);
  }

  #feeds(
    rows: number,
    length: number,
    tokenAt: (row: number, position: number) => number,
    states?: readonly Tensor[],
  ): readonly Tensor[] {
    let state = 0;
    return this.#binding.inputs.map((binding) => {
      const given = binding.kind === 'state' ? states?.[state++] : undefined;
      return given ?? makeFeed(binding, { rows, length, past: 0 }, tokenAt);
    });
  }

  async #record({ record }: Gradient, feeds: readonly Tensor[]): Promise<RecordedRun> {
    if (record === undefined) throw new Error(`${this.#network.path} is not differentiated step by step`);
    const run = await record(feeds);
    this.#onStep();
    return run;
  }
}

/** Collects gradients by the positions of prompts, in the order of a batch padded to one width. */
class PromptCollector {
  readonly #texts: readonly ScoredText[];
  readonly #skipped: number;
  readonly #width: number;
  readonly #totals: (Float32Array | undefined)[];
  /** Tokens of the prompts, 0 behind their ends. */
  readonly ids: Int32Array;

  constructor(texts: readonly ScoredText[], skipped: number, width: number, lookups: number) {
    this.#texts = texts;
    this.#skipped = skipped;
    this.#width = width;
    this.#totals = new Array<undefined>(lookups).fill(undefined);
    this.ids = new Int32Array(texts.length * width);
    texts.forEach(({ text }, row) => {
      this.ids.set(text.subarray(skipped, skipped + width), row * width);
    });
  }

  get gradients(): LookupGradients {
    return this.#totals.map((total) => total ?? new Float32Array(0));
  }

  /** Adds the gradients of a run's tokens. @param from by row, index of the text's token at the first position */
  add(parts: readonly Tensor[], length: number, from: readonly number[]): void {
    this.#texts.forEach((_, row) => {
      this.#addRow(parts, row, row, this.#texts.length, length, from[row]);
    });
  }

  /** Adds the gradients of a run of one row. */
  addRow(parts: readonly Tensor[], row: number, length: number, from: number): void {
    this.#addRow(parts, row, 0, 1, length, from);
  }

  #addRow(
    parts: readonly Tensor[],
    row: number,
    runRow: number,
    runRows: number,
    length: number,
    from: number,
  ): void {
    const promptLength = Math.min(this.#width, this.#texts[row].text.length - this.#skipped);
    parts.forEach(({ data }, lookup) => {
      const size = data.length / (runRows * length);
      const total = this.#totals[lookup] ?? new Float32Array(this.ids.length * size);
      this.#totals[lookup] = total;
      for (let position = 0; position < length; position++) {
        const prompt = from + position - this.#skipped;
        if (prompt < 0 || prompt >= promptLength) continue;
        const [to, at] = [(row * this.#width + prompt) * size, (runRow * length + position) * size];
        for (let i = 0; i < size; i++) {
          const sum = total[to + i] + Number(data[at + i]);
          if (Number.isFinite(sum)) total[to + i] = sum;
        }
      }
    });
  }
}

/** A run of texts of several lengths: each begins at the first position, or as late as its end fits. */
function wholeRun(texts: readonly ScoredText[], length: number): WholeRun {
  return { length, from: texts.map((text) => Math.max(0, tokensOf(text).length - length)) };
}

/** A text with its continuation. */
function tokensOf({ text, continuation }: ScoredText): Int32Array {
  const ids = continuation?.ids ?? [];
  const tokens = new Int32Array(text.length + ids.length);
  tokens.set(text);
  tokens.set(ids, text.length);
  return tokens;
}

/** Number of predictions that a continuation is scored by. */
function stepsOf({ continuation }: ScoredText): number {
  if (continuation === undefined) return 0;
  return continuation.ids.length + (continuation.followedBy === undefined ? 0 : 1);
}

/** The tokens that a prediction has to choose from; undefined where any will do. */
function acceptedAt(
  { ids, scoredFrom, followedBy }: CandidateContinuation,
  step: number,
): ((id: number) => boolean) | undefined {
  if (step >= ids.length) return followedBy;
  return step < scoredFrom ? undefined : (id) => id === ids[step];
}

function upstreamTensor(shape: readonly number[], data: Float32Array): Tensor {
  if (sizeOf(shape) !== data.length) throw new Error('the logits have another shape than in other runs');
  return { type: 'float32', shape, data };
}

function numbersOf(outputs: ReadonlyMap<string, Tensor>, name: string): ArrayLike<number> {
  const tensor = outputs.get(name);
  if (tensor?.data instanceof Float32Array || tensor?.data instanceof Float64Array) return tensor.data;
  throw new NoGradientError(name, [`logits of ${tensor?.type ?? 'no type'}`]);
}

function zerosLike({ shape }: Tensor): Tensor {
  return { type: 'float32', shape, data: new Float32Array(sizeOf(shape)) };
}

/** A state in which some rows are 0. */
function withoutRows(
  { type, shape, data }: Tensor,
  { batchAxis }: StateBinding,
  isLeftOut: (row: number) => boolean,
): Tensor {
  const copy = data.slice() as Float32Array;
  const inner = sizeOf(shape.slice(batchAxis + 1));
  const rows = shape[batchAxis];
  for (let from = 0; from < copy.length; from += inner) {
    if (isLeftOut((from / inner) % rows)) copy.fill(0, from, from + inner);
  }
  return { type, shape, data: copy };
}
