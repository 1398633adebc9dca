import { type AttentionBlock, findAttentionBlocks } from '../analysis/attention/find-blocks.ts';
import { headWeights } from '../analysis/attention/head-statistics.ts';
import { errorMessage } from '../core/errors.ts';
import {
  type GradientBatch,
  gradientsAtLookups,
  inputGradients,
  lookUpTokens,
  padded,
} from '../model/batched-gradient.ts';
import type { BatchedModel, BatchResult, BatchTensor } from '../model/batched-model.ts';
import { nodesBetween } from '../model/gradients/backward-graph.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../model/testcase-batch.ts';
import { makeData, readNumber, type Tensor, writeNumber } from '../tensor/tensor.ts';
import { findLastConvolution } from './last-convolution.ts';
import type {
  ExplainContext,
  ExplainedInput,
  FeatureMaps,
  GradientOptions,
  Need,
  Point,
  ReceivedAttention,
  ScoreOracle,
} from './method.ts';
import { hasRectifier } from './rectifiers.ts';

/** Most testcases whose gradients are computed in one run, and most of their values together. */
const GRADIENT_ROWS = 32;
const GRADIENT_VALUES = 4e6;

const NO_ATTENTION = 'the model shows no block of attention between its input and the scores';
const NO_CONVOLUTION = 'the model has no convolution between its input and the scores';

/** Asks a model in this process. */
export class ModelScores implements ScoreOracle {
  readonly #model: BatchedModel;
  readonly #context: ExplainContext;
  readonly #maxRows: number;
  readonly #onRun: () => void;
  readonly #watched: readonly string[];

  /**
   * @param maxRows testcases in one run of the model
   * @param onRun called after runs of the model
   */
  constructor(model: BatchedModel, context: ExplainContext, maxRows: number, onRun: () => void) {
    this.#model = model;
    this.#context = context;
    this.#maxRows = Math.min(maxRows, model.maxBatchSize);
    this.#onRun = onRun;
    this.#watched = model.model.outputs.includes(context.scores) ? [] : [context.scores];
  }

  async scores(points: readonly Point[]): Promise<Float64Array> {
    const scores: number[] = [];
    const testcases = points.map((point) => ({ point, data: this.#testcaseOf(point) }));
    for (const group of groupIntoBatches(testcases, ({ data }) => data.form, this.#maxRows)) {
      const run = await this.#run(
        group.map(({ data }) => data),
        group.length,
      );
      group.forEach(({ point }, row) => {
        scores.push(readNumber(run.type, run.data, row * run.size + point.input.classIndex));
      });
    }
    return Float64Array.from(scores);
  }

  async gradients(
    points: readonly Point[],
    { isGuided = false }: GradientOptions = {},
  ): Promise<readonly Float32Array[]> {
    const { position } = this.#context;
    const gradients: Float32Array[] = [];
    const testcases = points.map((point) => ({ point, data: this.#testcaseOf(point) }));
    const { size } = testcases[0].data.form.inputs[position];
    const maxRows = Math.max(1, Math.min(GRADIENT_ROWS, this.#maxRows, Math.floor(GRADIENT_VALUES / size)));
    for (const group of groupIntoBatches(testcases, ({ data }) => data.form, maxRows)) {
      const together = padded(group.map(({ data }) => data));
      const { size: classes } = await this.#scoresLike(group[0].data);
      const upstream = new Float32Array(together.rows * classes);
      group.forEach(({ point }, row) => {
        upstream[row * classes + point.input.classIndex] = 1;
      });
      const vectors = group.flatMap(({ point }) => (point.vectors === undefined ? [] : [point.vectors]));
      const ofInput =
        vectors.length === group.length
          ? await this.#gradientsAt(together, upstream, vectors, size)
          : await this.#gradientsOf(together, upstream, isGuided);
      group.forEach((_, row) => void gradients.push(joinPlaces(ofInput, row, together.rows, size)));
      this.#onRun();
    }
    return gradients;
  }

  /** Gradients with respect to the values of the input, or to what its tokens are looked up as. */
  async #gradientsOf(
    together: GradientBatch,
    upstream: Float32Array,
    isGuided: boolean,
  ): Promise<readonly Float32Array[]> {
    const { position, scores, descriptor } = this.#context;
    const isLookedUp = descriptor.tokens !== undefined;
    const { values, lookups } = await inputGradients(
      this.#model,
      together,
      scores,
      upstream,
      isLookedUp ? [position] : [],
      false,
      isGuided,
    );
    const parts = isLookedUp ? lookups[position] : [values[position]];
    const ofInput = parts?.filter((part) => part !== undefined) ?? [];
    if (ofInput.length === 0) throw new Error('the input has no gradient');
    return ofInput;
  }

  /** Gradients at vectors in place of those that tokens are looked up as; rows beyond the vectors have those of the last one. */
  async #gradientsAt(
    together: GradientBatch,
    upstream: Float32Array,
    vectors: readonly ArrayLike<number>[],
    places: number,
  ): Promise<readonly Float32Array[]> {
    const { position, scores } = this.#context;
    const looked = await lookUpTokens(this.#model, together, position);
    const widths = looked.map(({ length }) => length / together.rows / places);
    const rows = Array.from(
      { length: together.rows },
      (_, row) => vectors[Math.min(row, vectors.length - 1)],
    );
    const parts = splitPlaces(rows, widths, places);
    return gradientsAtLookups(this.#model, together, position, scores, upstream, parts);
  }

  async lookups(points: readonly Point[]): Promise<readonly Float32Array[]> {
    const found: Float32Array[] = [];
    const { position } = this.#context;
    const testcases = points.map((point) => this.#testcaseOf(point));
    const { size } = testcases[0].form.inputs[position];
    for (const group of groupIntoBatches(testcases, ({ form }) => form, this.#maxRows)) {
      const together = { batch: packBatch(group), rows: group.length };
      const parts = await lookUpTokens(this.#model, together, position);
      this.#onRun();
      group.forEach((_, row) => void found.push(joinPlaces(parts, row, group.length, size)));
    }
    return found;
  }

  async featureMaps({ data, classIndex }: ExplainedInput): Promise<FeatureMaps> {
    const convolution = this.#lastConvolution();
    const { gradients } = this.#model.model.capabilities;
    if (convolution === undefined || gradients === undefined) throw new Error(NO_CONVOLUTION);
    const { tensor, channelsFirst } = convolution;
    const { scores } = this.#context;
    const feeds = this.#model.feeds(packBatch([data]), 1);
    const gradient = await gradients.gradient({ of: scores, wrt: [tensor] }, feeds);
    const upstream = new Float32Array((await this.#scoresLike(data)).size);
    upstream[classIndex] = 1;
    const [ofMaps] = await gradient.run(feeds, { type: 'float32', shape: gradient.shape, data: upstream });
    const { activations } = await this.#model.run(packBatch([data]), 1, [tensor]);
    this.#onRun();
    const [{ shape, type, data: values }] = activations;
    const activation = Float32Array.from({ length: values.length }, (_, i) => readNumber(type, values, i));
    return featureMapsOf(activation, ofMaps, shape, channelsFirst);
  }

  async attention({ data }: ExplainedInput): Promise<ReceivedAttention> {
    const block = this.#lastAttention();
    if (block === undefined) throw new Error(NO_ATTENTION);
    const { outputs, activations } = await this.#model.run(
      packBatch([data]),
      1,
      this.#model.model.outputs.includes(block.weights) ? [] : [block.weights],
    );
    this.#onRun();
    const tensor = [...outputs, ...activations].find(({ name }) => name === block.weights);
    if (tensor === undefined || tensor.shape.length < 2) throw new Error(NO_ATTENTION);
    const { keys, values } = headWeights(tensor.type, tensor.data, tensor.shape, block.axes);
    const received = new Float64Array(keys);
    const rows = values.length / keys;
    for (let i = 0; i < values.length; i++) received[i % keys] += values[i] / rows;
    return { values: received, block: block.name };
  }

  /** The last block of attention, in topological order, that leads to the scores. */
  #lastAttention(): AttentionBlock | undefined {
    const { graph, inputs, watchable } = this.#model.model;
    const path = new Set(
      nodesBetween(graph, [inputs[this.#context.position].name], [this.#context.scores]).map(
        ({ name }) => name,
      ),
    );
    return findAttentionBlocks(graph)
      .blocks.filter(({ name, weights }) => path.has(name) && watchable.includes(weights))
      .at(-1);
  }

  #lastConvolution() {
    const { graph, inputs } = this.#model.model;
    return findLastConvolution(graph, inputs[this.#context.position].name, this.#context.scores);
  }

  /** Why a model or its input lacks what a method needs; undefined where it has it. */
  async lacks(need: Need, input: ExplainedInput): Promise<string | undefined> {
    if (need === 'numbers') {
      const { domains, name } = this.#context.descriptor;
      return domains.some((domain) => domain === 'tokens' || domain === 'strings')
        ? `input ${name} takes no numbers`
        : undefined;
    }
    if (need === 'attention') return this.#lastAttention() === undefined ? NO_ATTENTION : undefined;
    if (need === 'convolution' && this.#lastConvolution() === undefined) return NO_CONVOLUTION;
    if (need === 'convolution' && this.#context.descriptor.picture === undefined)
      return `input ${this.#context.descriptor.name} takes no pictures`;
    if (need === 'rectifier') {
      const { graph, inputs } = this.#model.model;
      return hasRectifier(graph, inputs[this.#context.position].name, this.#context.scores)
        ? undefined
        : 'the model has no rectifier between its input and the scores: it would equal gradient';
    }
    const { gradients } = this.#model.model.capabilities;
    if (gradients === undefined && need === 'gradients') return this.#whyNoGradients();
    if (need === 'slopes' && this.#context.descriptor.tokens === undefined)
      return this.lacks('numbers', input);
    try {
      if (need === 'convolution') await this.featureMaps(input);
      else if (need === 'slopes') {
        const [vectors] = await this.lookups([{ input }]);
        await this.gradients([{ input, vectors }]);
      } else await this.gradients([{ input }]);
      return undefined;
    } catch (error) {
      return errorMessage(error);
    }
  }

  #whyNoGradients(): string {
    const { graph, capabilities, runtime } = this.#model.model;
    if (capabilities.textGeneration !== undefined)
      return 'no gradient through the choice of each token that it writes';
    const body = graph.nodes.find(({ subgraphs = [] }) => subgraphs.length > 0);
    return body === undefined
      ? `there are no gradients on ${runtime.kind}`
      : `no gradient through ${body.op} (${body.name || body.outputs[0]})`;
  }

  #sizes = new Map<string, BatchTensor>();

  /** The scores of a run of a testcase of the same shape. */
  async #scoresLike(data: TestcaseBatch): Promise<BatchTensor> {
    const { key } = data.form;
    const known = this.#sizes.get(key);
    if (known !== undefined) return known;
    const scores = await this.#run([data], 1);
    this.#sizes.set(key, scores);
    return scores;
  }

  async #run(testcases: readonly TestcaseBatch[], rows: number): Promise<BatchTensor> {
    const run: BatchResult = await this.#model.run(packBatch(testcases), rows, this.#watched);
    this.#onRun();
    const { scores } = this.#context;
    const found = [...run.outputs, ...run.activations].find(({ name }) => name === scores);
    if (found === undefined) throw new Error(`the model has no tensor ${scores}`);
    return found;
  }

  /** The testcase with other values, rounded to the input's type. */
  #testcaseOf({ input: { data }, values }: Point): TestcaseBatch {
    if (values === undefined) return data;
    const { position } = this.#context;
    const { type, size } = data.form.inputs[position];
    const changed = makeData(type, size);
    for (let i = 0; i < size; i++) writeNumber(type, changed, i, values[i]);
    return { form: data.form, inputs: data.inputs.with(position, changed) };
  }
}

/** Feature maps one after the other, each row by row. @param shape without the batch */
function featureMapsOf(
  activation: Float32Array,
  { data }: Tensor,
  shape: readonly number[],
  channelsFirst: boolean,
): FeatureMaps {
  if (shape.length !== 3) throw new Error(`the feature maps have ${shape.length - 1} dimensions, not two`);
  const [height, width] = channelsFirst ? shape.slice(1) : shape;
  const maps = channelsFirst ? shape[0] : shape[2];
  const places = height * width;
  const inOrder = (values: ArrayLike<number | bigint>): Float32Array =>
    Float32Array.from({ length: maps * places }, (_, i) => {
      const [map, place] = [Math.floor(i / places), i % places];
      return Number(values[channelsFirst ? i : place * maps + map]);
    });
  return { activation: inOrder(activation), gradient: inOrder(data), maps, height, width };
}

/** The vectors of a row's places, each of all parts `[rows, places, width]` one after the other. */
function joinPlaces(parts: readonly Float32Array[], row: number, rows: number, places: number): Float32Array {
  const widths = parts.map(({ length }) => length / rows / places);
  const width = widths.reduce((sum, of) => sum + of, 0);
  const joined = new Float32Array(places * width);
  let at = 0;
  for (let place = 0; place < places; place++)
    parts.forEach((part, i) => {
      const from = (row * places + place) * widths[i];
      joined.set(part.subarray(from, from + widths[i]), at);
      at += widths[i];
    });
  return joined;
}

/** The parts `[rows, places, width]` of the vectors of rows, the inverse of `joinPlaces`. */
function splitPlaces(
  rows: readonly ArrayLike<number>[],
  widths: readonly number[],
  places: number,
): Float32Array[] {
  const total = widths.reduce((sum, width) => sum + width, 0);
  let before = 0;
  return widths.map((width) => {
    const part = new Float32Array(rows.length * places * width);
    rows.forEach((vectors, row) => {
      for (let place = 0; place < places; place++)
        for (let i = 0; i < width; i++)
          part[(row * places + place) * width + i] = vectors[place * total + before + i];
    });
    before += width;
    return part;
  });
}
