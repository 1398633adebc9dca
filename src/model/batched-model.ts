import { errorMessage, UserError } from '../core/errors.ts';
import { moveAxisFirst, moveFirstToAxis } from '../tensor/axis.ts';
import {
  DTYPES,
  type DType,
  readNumber,
  rowsOf,
  shapeText,
  type Tensor,
  type TensorData,
} from '../tensor/tensor.ts';
import { type BatchLayout, batchLayout } from './batch-axis.ts';
import { type BodyTensor, bodyTensorsOf } from './graph/graph.ts';
import { type Completion, completionsOf } from './language/completion.ts';
import type { PrefilledPrompts } from './language/prefilled-prompts.ts';
import { maskOnlyTest } from './mask-only-tensors.ts';
import type { Model, NamedTensor, RunResult } from './model.ts';
import type { OutputNoise, PairNoise } from './pair-noise.ts';
import type { BatchBuffer, TestcaseBatch } from './testcase-batch.ts';

/** One tensor of a run, row by row: `data` is `[rows, size]`. */
export interface BatchTensor {
  readonly name: string;
  readonly type: DType;
  readonly size: number;
  /** Shape of one row, without the batch dimension. */
  readonly shape: readonly number[];
  readonly data: TensorData;
  /** Names of the classes that integers are indices of, or that the last axis of floats has scores for. */
  readonly classes?: readonly string[];
  /** How far the gap between two classes moves in the model that gave it; see `OutputNoise`. Absent where that was not measured. */
  readonly noise?: number;
}

/** Result of running a batch of testcases, row by row. */
export interface BatchResult {
  readonly rows: number;
  /** The testcases themselves, in the order of the model's inputs. */
  readonly inputs: readonly BatchTensor[];
  readonly outputs: readonly BatchTensor[];
  readonly activations: readonly BatchTensor[];
  /** Outputs of the second model of a pair, under the reference's names. */
  readonly secondOutputs?: readonly BatchTensor[];
  /** Prompt and answer of each row, from a language model. */
  readonly texts?: readonly Completion[];
  /** Whether −∞ in an inner tensor is a mask; absent where that is not known. */
  readonly isMaskOnly?: (tensor: string) => boolean;
  /** Prompts as a language model has read them, in the order of the rows. Absent from a slice of a batch. */
  readonly prefilled?: PrefilledPrompts;
}

/** What runs of one and two testcases show. */
export interface BatchProbe {
  /** Why runs are limited to one testcase; undefined where they are not. */
  readonly batchLimitReason: string | undefined;
  /** The largest magnitude among the watched values of the first testcase; infinite where one is not finite. */
  readonly largestMagnitude: number;
}

/** Runs batches of testcases through a model and splits its tensors into rows. */
export class BatchedModel {
  readonly model: Model;
  readonly #layout: BatchLayout;
  readonly #isMaskOnly: (tensor: string) => boolean;
  readonly #bodyTensors: ReadonlyMap<string, BodyTensor>;
  readonly #noise: PairNoise;
  #maxBatchSize: number;

  /** @param noise of a pair of models; empty where it was not measured */
  constructor(model: Model, noise: PairNoise = {}) {
    this.model = model;
    this.#noise = noise;
    this.#layout = batchLayout(model.inputs);
    this.#isMaskOnly = maskOnlyTest(model);
    this.#bodyTensors = bodyTensorsOf(model.graph);
    this.#maxBatchSize = this.#layout.axis === 'free' ? Number.POSITIVE_INFINITY : 1;
  }

  /** The same model, whose outputs carry the noise of a pair. */
  withNoise(noise: PairNoise): BatchedModel {
    const copy = new BatchedModel(this.model, noise);
    copy.#maxBatchSize = this.#maxBatchSize;
    return copy;
  }

  /** Rows that one run can take: 1 for a model without a batch dimension, or one found not to honour it. */
  get maxBatchSize(): number {
    return this.#maxBatchSize;
  }

  /**
   * Runs the first `rows` rows of a batch.
   *
   * @throws Error if the runtime fails, or a tensor cannot be split into rows
   */
  async run(batch: TestcaseBatch, rows: number, watched: readonly string[]): Promise<BatchResult> {
    return this.#splitRows(batch, rows, await this.#runWatching(this.feeds(batch, rows), watched));
  }

  /**
   * Runs the first `rows` rows on the graph as its file has it; undefined where the model has no such run.
   *
   * @throws Error as `run`
   */
  async runUnoptimized(batch: TestcaseBatch, rows: number): Promise<BatchResult | undefined> {
    const result = await this.model.capabilities.unoptimizedRun?.run(this.feeds(batch, rows));
    return result && this.#splitRows(batch, rows, { ...result, activations: [] });
  }

  /**
   * Runs the first `rows` rows on several threads; undefined where the model has no such run.
   *
   * @throws Error as `run`
   */
  async runThreaded(batch: TestcaseBatch, rows: number): Promise<BatchResult | undefined> {
    const result = await this.model.capabilities.threadedRun?.run(this.feeds(batch, rows));
    return result && this.#splitRows(batch, rows, { ...result, activations: [] });
  }

  /**
   * Runs the model. Where a body computes tensors of different shapes in its iterations, the runtime cannot stack them and
   * fails a run in which they are watched; that is no fault of the testcase, and those tensors come without values.
   */
  async #runWatching(feeds: readonly Tensor[], watched: readonly string[]): Promise<RunResult> {
    const outer = watched.filter((name) => !this.#bodyTensors.has(name));
    if (outer.length === watched.length) return this.model.run(feeds, watched);
    try {
      return await this.model.run(feeds, watched);
    } catch {
      const result = await this.model.run(feeds, outer);
      const activations = watched.map(
        (name) => result.activations.find((tensor) => tensor.name === name) ?? absentTensor(name),
      );
      return { ...result, activations };
    }
  }

  /**
   * Has a language model read the prompts of the first `rows` rows without answering them.
   *
   * @param watched tensors at the end of the prompt
   * @throws Error if the model is not a language model, or the runtime fails
   */
  async prefill(batch: TestcaseBatch, rows: number, watched: readonly string[]): Promise<BatchResult> {
    const { textGeneration } = this.model.capabilities;
    if (textGeneration === undefined) throw new Error('the model does not generate text');
    const [prompts] = this.feeds(batch, rows);
    return this.#splitRows(batch, rows, await textGeneration.prefill(prompts, watched));
  }

  #splitRows(batch: TestcaseBatch, rows: number, result: RunResult): BatchResult {
    const split = (tensor: NamedTensor): BatchTensor => {
      const { name, type } = tensor;
      const axis = this.axisOf(name);
      if (rows > 1 && tensor.shape[axis] !== rows) {
        // A body that did not run gives no rows.
        if (this.#bodyTensors.has(name)) return { ...absentTensor(name), size: 0 };
        throw new NotBatchedError(tensor, rows);
      }
      const data = moveAxisFirst(tensor, axis);
      const shape = this.#layout.axis === 'none' ? tensor.shape : tensor.shape.toSpliced(axis, 1);
      return { name, type, size: data.length / rows, shape, data };
    };
    const splitOutput = (tensor: NamedTensor, side: keyof OutputNoise): BatchTensor => {
      const output = split(tensor);
      const classes = this.model.classes?.get(tensor.name);
      const isScored = DTYPES[output.type].kind !== 'float' || output.shape.at(-1) === classes?.length;
      const noise = this.#noise[tensor.name]?.[side];
      return {
        ...output,
        ...(classes !== undefined && isScored ? { classes } : {}),
        ...(noise === undefined ? {} : { noise }),
      };
    };
    const { secondOutputs, prefilled } = result;
    const { textGeneration } = this.model.capabilities;
    return {
      rows,
      inputs: batch.form.inputs.map((input, i) => ({
        ...input,
        data: rowsOf(batch.inputs[i], input.size, 0, rows),
      })),
      outputs: result.outputs.map((tensor) => splitOutput(tensor, 'reference')),
      activations: result.activations.map(split),
      isMaskOnly: this.#isMaskOnly,
      ...(secondOutputs === undefined
        ? {}
        : { secondOutputs: secondOutputs.map((tensor) => splitOutput(tensor, 'copy')) }),
      ...(textGeneration === undefined
        ? {}
        : { texts: completionsOf(textGeneration.tokenizer, batch, rows, result.outputs) }),
      ...(prefilled === undefined ? {} : { prefilled }),
    };
  }

  /** Position of the batch dimension in an input; 0 where there is none. */
  batchPositionOf(input: number): number {
    return this.#layout.positions[input];
  }

  /** Position of the batch dimension in a tensor that the model computes: where its declared shape has the batch's name, else the first. */
  axisOf(tensor: string): number {
    const { name } = this.#layout;
    const declared = name === undefined ? undefined : this.model.graph.shapes.get(tensor);
    return Math.max(0, declared?.indexOf(name ?? null) ?? 0);
  }

  /** Watched tensors that do not have one row for each of two testcases. */
  async findUnbatchedTensors(batch: BatchBuffer, watched: readonly string[]): Promise<string[]> {
    try {
      const { activations } = await this.model.run(this.feeds(batch, 2), watched);
      return activations.filter(({ name, shape }) => shape[this.axisOf(name)] !== 2).map(({ name }) => name);
    } catch {
      // Then it is not the tensors that keep two testcases from sharing a run.
      return [];
    }
  }

  /**
   * Tensors that can be watched and have one row for each testcase; a runtime may refuse to expose some.
   *
   * @param batch two testcases at least
   */
  async findWatchableTensors(batch: BatchBuffer, tensors: readonly string[]): Promise<string[]> {
    if (tensors.length === 0) return [];
    const rows = Math.min(2, this.#maxBatchSize);
    try {
      const { activations } = await this.model.run(this.feeds(batch, rows), tensors);
      // A branch that the testcase does not take may be taken by another.
      const isAbsent = ({ name, data }: NamedTensor): boolean =>
        data.length === 0 && this.#bodyTensors.has(name);
      return activations
        .filter((tensor) => rows === 1 || tensor.shape[this.axisOf(tensor.name)] === rows || isAbsent(tensor))
        .map(({ name }) => name);
    } catch {
      if (tensors.length === 1) return [];
      const middle = tensors.length >> 1;
      const first = await this.findWatchableTensors(batch, tensors.slice(0, middle));
      return [...first, ...(await this.findWatchableTensors(batch, tensors.slice(middle)))];
    }
  }

  /** The first `rows` rows of a batch as the model's inputs, as views where the batch is their first dimension. */
  feeds(batch: TestcaseBatch, rows: number): Tensor[] {
    return batch.form.inputs.map((input, i) => {
      const data = rowsOf(batch.inputs[i], input.size, 0, rows);
      const { type, shape } = input;
      if (this.#layout.axis === 'none') return { type, shape, data };
      const position = this.#layout.positions[i];
      const tensor = { type, shape: shape.toSpliced(position, 0, rows), data };
      return { ...tensor, data: moveFirstToAxis(tensor, position) };
    });
  }

  /**
   * Runs the first testcase of a batch, and two where there is a batch dimension: an export may declare a free batch
   * that its body does not honour. Runs are then limited to one row.
   *
   * @throws UserError if the model fails on the first testcase
   */
  async probe(batch: BatchBuffer, watched: readonly string[]): Promise<BatchProbe> {
    let single: BatchResult;
    try {
      single = await this.run(batch, 1, watched);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(
        `${this.model.path} fails on the first seed: ${errorMessage(error)}; set --seeds to valid inputs, or --shape to other sizes`,
      );
    }
    const largestMagnitude = largestMagnitudeOf(single.activations);
    if (this.#maxBatchSize === 1 || batch.capacity < 2)
      return { batchLimitReason: undefined, largestMagnitude };
    try {
      const pair = await this.run(batch, 2, watched);
      // A first dimension of 2 that is not the batch looks like two rows, but of another shape than one has.
      checkSameShapes(single, pair);
      return { batchLimitReason: undefined, largestMagnitude };
    } catch (error) {
      this.#maxBatchSize = 1;
      const batchLimitReason = `each run of the model has one testcase (${errorMessage(error)})`;
      return { batchLimitReason, largestMagnitude };
    }
  }
}

/** The largest magnitude among values; infinite where one is not finite. */
function largestMagnitudeOf(tensors: readonly BatchTensor[]): number {
  let largest = 0;
  for (const { type, data } of tensors)
    for (let i = 0; i < data.length; i++) {
      const magnitude = Math.abs(readNumber(type, data, i));
      largest = Number.isNaN(magnitude) ? Number.POSITIVE_INFINITY : Math.max(largest, magnitude);
    }
  return largest;
}

/** A tensor of a body that did not run, or whose iterations cannot be stacked. */
function absentTensor(name: string): NamedTensor {
  return { name, type: 'float32', shape: [0], data: new Float32Array(0) };
}

/** @throws NotBatchedError if a row of two has another shape than a row alone; tensors of bodies that did not run have none */
function checkSameShapes(single: BatchResult, pair: BatchResult): void {
  for (const kind of ['outputs', 'activations'] as const)
    for (const [i, tensor] of pair[kind].entries())
      if (tensor.size > 0 && tensor.shape.join() !== single[kind][i].shape.join())
        throw new NotBatchedError({ name: tensor.name, shape: [pair.rows, ...tensor.shape] }, pair.rows);
}

class NotBatchedError extends Error {
  constructor(tensor: Pick<NamedTensor, 'name' | 'shape'>, rows: number) {
    super(`tensor ${tensor.name} is ${shapeText(tensor.shape)} for a batch of ${rows}`);
  }
}

/** Rows `from` up to `to` of a batch's result, as views; without prefilled prompts, which are of the whole batch. */
export function sliceResult(result: BatchResult, from: number, to: number): BatchResult {
  const slice = (tensors: readonly BatchTensor[]): BatchTensor[] =>
    tensors.map((tensor) => ({ ...tensor, data: rowsOf(tensor.data, tensor.size, from, to) }));
  const { inputs, outputs, activations, isMaskOnly, secondOutputs, texts } = result;
  return {
    rows: to - from,
    inputs: slice(inputs),
    outputs: slice(outputs),
    activations: slice(activations),
    ...(isMaskOnly === undefined ? {} : { isMaskOnly }),
    ...(secondOutputs === undefined ? {} : { secondOutputs: slice(secondOutputs) }),
    ...(texts === undefined ? {} : { texts: texts.slice(from, to) }),
  };
}
