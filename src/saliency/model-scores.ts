import { errorMessage } from '../core/errors.ts';
import { inputGradients, padded } from '../model/batched-gradient.ts';
import type { BatchedModel, BatchResult, BatchTensor } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../model/testcase-batch.ts';
import { makeData, readNumber, writeNumber } from '../tensor/tensor.ts';
import type {
  ExplainContext,
  ExplainedInput,
  FeatureMaps,
  GradientOptions,
  Need,
  Point,
  ScoreOracle,
} from './method.ts';

/** Most testcases whose gradients are computed in one run, and most of their values together. */
const GRADIENT_ROWS = 32;
const GRADIENT_VALUES = 4e6;

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
    _options: GradientOptions = {},
  ): Promise<readonly Float32Array[]> {
    const { position, scores } = this.#context;
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
      const { values } = await inputGradients(this.#model, together, scores, upstream, [], false);
      const ofInput = values[position];
      if (ofInput === undefined) throw new Error('the input has no gradient');
      group.forEach((_, row) => void gradients.push(ofInput.slice(row * size, (row + 1) * size)));
      this.#onRun();
    }
    return gradients;
  }

  async featureMaps(_inputs: readonly ExplainedInput[]): Promise<readonly FeatureMaps[]> {
    throw new Error('there is no convolution');
  }

  /** Why a model or its input lacks what a method needs; undefined where it has it. */
  async lacks(need: Need, input: ExplainedInput): Promise<string | undefined> {
    if (need === 'numbers') {
      const { domains, name } = this.#context.descriptor;
      return domains.some((domain) => domain === 'tokens' || domain === 'strings')
        ? `input ${name} takes no numbers`
        : undefined;
    }
    if (need === 'convolution') return 'the model has no convolution whose result can be differentiated';
    try {
      await this.gradients([{ input }]);
      return undefined;
    } catch (error) {
      return errorMessage(error);
    }
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
