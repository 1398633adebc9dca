import { errorMessage, UserError } from '../core/errors.ts';
import {
  copyInto,
  type DType,
  makeData,
  rowsOf,
  shapeText,
  sizeOf,
  type Tensor,
  type TensorData,
} from '../tensor/tensor.ts';
import { Completion } from './language/completion.ts';
import type { InputSpec, Model, NamedTensor, RunResult } from './model.ts';

/** One model input as a testcase has it: without the batch dimension, every dimension known. */
export interface TestcaseInput {
  readonly name: string;
  readonly type: DType;
  readonly shape: readonly number[];
  /** Values in one row. */
  readonly size: number;
}

/** What testcases that can share a batch have in common: their inputs, in the model's order. */
export interface ShapeSignature {
  readonly inputs: readonly TestcaseInput[];
  /** Equal for equal shapes. */
  readonly key: string;
}

/** Testcases of one form: for each input, in the model's order, `[rows, ...shape]` in one typed array. */
export interface TestcaseBatch {
  readonly form: ShapeSignature;
  readonly inputs: readonly TensorData[];
}

/** Room for testcases of one form; its arrays may be longer than `capacity` rows. */
export interface BatchBuffer extends TestcaseBatch {
  readonly capacity: number;
}

/** What a run gave, row by row: `data` is `[rows, size]`. */
export interface BatchTensor {
  readonly name: string;
  readonly type: DType;
  readonly size: number;
  /** Of one row: without the batch dimension, where there is one. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface BatchResult {
  readonly rows: number;
  /** What the model was given, in the order of its inputs. */
  readonly inputs: readonly BatchTensor[];
  readonly outputs: readonly BatchTensor[];
  readonly activations: readonly BatchTensor[];
  /** Of a pair: what the copy gave, under the reference's names. */
  readonly secondOutputs?: readonly BatchTensor[];
  /** Of a model that goes on with texts: each row's prompt and answer. */
  readonly texts?: readonly Completion[];
  /** Likewise: what `Generation.follow` goes on from. Of the whole run, whichever rows these are. */
  readonly prefillState?: unknown;
}

/** How the rows of a block become the model's input. */
export type BatchAxis = 'free' | 'one' | 'none';

/**
 * How the dimensions of a model's inputs divide into batch and testcase. A first dimension that is free in
 * every input is the batch; one that is 1 in every input is a batch of one; else a testcase is the whole
 * input.
 */
export function batchAxis(inputs: readonly InputSpec[]): BatchAxis {
  if (inputs.every((input) => input.shape.length > 0 && input.shape[0] === null)) return 'free';
  if (inputs.every((input) => input.shape.length > 0 && input.shape[0] === 1)) return 'one';
  return 'none';
}

/** Inputs as testcases have them: without the batch dimension; free dimensions are still null. */
export function stripBatchDimension(inputs: readonly InputSpec[]): InputSpec[] {
  const from = batchAxis(inputs) === 'none' ? 0 : 1;
  return inputs.map((input) => ({ ...input, shape: input.shape.slice(from) }));
}

/** A form of these inputs, every dimension known. */
export function shapeSignatureOf(inputs: readonly TestcaseInput[]): ShapeSignature {
  return { inputs, key: inputs.map(({ shape }) => shape.join()).join(';') };
}

/** An empty block of `capacity` testcases. */
export function allocateBatch(form: ShapeSignature, capacity: number): BatchBuffer {
  return { form, capacity, inputs: form.inputs.map(({ type, size }) => makeData(type, size * capacity)) };
}

/** A block of these testcases, all of one form. */
export function packBatch(testcases: readonly TestcaseBatch[]): BatchBuffer {
  const [{ form }] = testcases;
  const block = allocateBatch(form, testcases.length);
  testcases.forEach(({ inputs }, r) => {
    inputs.forEach((values, i) => {
      copyInto(block.inputs[i], values, r * form.inputs[i].size);
    });
  });
  return block;
}

/** Divides testcases, in their order, into batches of one form and at most `most`. */
export function* groupIntoBatches<T>(
  items: readonly T[],
  formOfItem: (item: T) => ShapeSignature,
  most: number,
): Generator<readonly T[]> {
  let from = 0;
  while (from < items.length) {
    const { key } = formOfItem(items[from]);
    let to = from + 1;
    while (to < items.length && to - from < most && formOfItem(items[to]).key === key) to++;
    yield items.slice(from, to);
    from = to;
  }
}

/** Runs blocks of testcases through a model and takes its tensors apart into rows. */
export class BatchedModel {
  readonly model: Model;
  readonly #batchAxis: BatchAxis;
  /** Most rows that one run takes: one where the model has no batch dimension. */
  #maxBatchSize: number;

  constructor(model: Model) {
    this.model = model;
    this.#batchAxis = batchAxis(model.inputs);
    this.#maxBatchSize = this.#batchAxis === 'free' ? Number.POSITIVE_INFINITY : 1;
  }

  get maxBatchSize(): number {
    return this.#maxBatchSize;
  }

  /**
   * Runs the first `rows` rows of a block.
   *
   * @throws Error where the runtime fails, or a tensor can't be taken apart into rows
   */
  async run(block: TestcaseBatch, rows: number, watched: readonly string[]): Promise<BatchResult> {
    return this.#splitRows(block, rows, await this.model.run(this.feeds(block, rows), watched));
  }

  /**
   * Of a model that goes on with texts: has it take in the prompts of the first `rows` rows and answer nothing.
   *
   * @param watched tensors right after the prompt
   */
  async prefill(block: TestcaseBatch, rows: number, watched: readonly string[]): Promise<BatchResult> {
    const { generation } = this.model;
    if (generation === undefined) throw new Error('the model does not go on with texts');
    return this.#splitRows(block, rows, await generation.prefill(this.feeds(block, rows)[0], watched));
  }

  #splitRows(block: TestcaseBatch, rows: number, result: RunResult): BatchResult {
    const split = (tensor: NamedTensor): BatchTensor => {
      if (rows > 1 && tensor.shape[0] !== rows) throw new NotBatchedError(tensor, rows);
      const { name, type, data } = tensor;
      const shape = this.#batchAxis === 'none' ? tensor.shape : tensor.shape.slice(1);
      return { name, type, size: data.length / rows, shape, data };
    };
    return {
      rows,
      inputs: block.form.inputs.map((input, i) => ({
        ...input,
        data: rowsOf(block.inputs[i], input.size, 0, rows),
      })),
      outputs: result.outputs.map(split),
      activations: result.activations.map(split),
      ...(result.secondOutputs === undefined ? {} : { secondOutputs: result.secondOutputs.map(split) }),
      ...this.#completions(block, rows, result),
    };
  }

  /** Of a model that goes on with texts: each row's prompt and answer. */
  #completions(
    block: TestcaseBatch,
    rows: number,
    { outputs, prefillState }: RunResult,
  ): Pick<BatchResult, 'texts' | 'prefillState'> {
    const { generation } = this.model;
    if (generation === undefined) return {};
    const [answers] = outputs;
    const [length, said] = answers === undefined ? [0, new Int32Array(0)] : [answers.shape[1], answers.data];
    const width = block.form.inputs[0].size;
    const texts = Array.from({ length: rows }, (_, row) => {
      const prompt = rowsOf(block.inputs[0], width, row, row + 1) as Int32Array;
      return new Completion(generation.tokenizer, prompt, rowsOf(said, length, row, row + 1) as Int32Array);
    });
    return { texts, prefillState };
  }

  /** Those of the watched tensors that have no row for each of two testcases. */
  async findUnbatchedTensors(block: BatchBuffer, watched: readonly string[]): Promise<string[]> {
    try {
      const { activations } = await this.model.run(this.feeds(block, 2), watched);
      return activations.filter(({ shape }) => shape[0] !== 2).map(({ name }) => name);
    } catch {
      // Then it is not the tensors that keep two testcases from one run.
      return [];
    }
  }

  /**
   * Those of the tensors that can be watched and have a row for each testcase: a runtime may not hand out some.
   *
   * @param block two testcases at least
   */
  async findWatchableTensors(block: BatchBuffer, tensors: readonly string[]): Promise<string[]> {
    if (tensors.length === 0) return [];
    const rows = Math.min(2, this.#maxBatchSize);
    try {
      const { activations } = await this.model.run(this.feeds(block, rows), tensors);
      return activations.filter(({ shape }) => rows === 1 || shape[0] === rows).map(({ name }) => name);
    } catch {
      if (tensors.length === 1) return [];
      const middle = tensors.length >> 1;
      const first = await this.findWatchableTensors(block, tensors.slice(0, middle));
      return [...first, ...(await this.findWatchableTensors(block, tensors.slice(middle)))];
    }
  }

  /** The first `rows` rows of a block as the model takes them. */
  feeds(block: TestcaseBatch, rows: number): Tensor[] {
    return block.form.inputs.map((input, i) => {
      const data = rowsOf(block.inputs[i], input.size, 0, rows);
      const shape = this.#batchAxis === 'none' ? input.shape : [rows, ...input.shape];
      return { type: input.type, shape, data };
    });
  }

  /**
   * Tries the model on the block's first testcase, and on two where it has a batch dimension: an export may
   * declare a free batch that its body does not keep to. Falls back to runs of one row.
   *
   * @returns why runs are limited to one row, where they are
   * @throws UserError where the model fails on one testcase already
   */
  async probe(block: BatchBuffer, watched: readonly string[]): Promise<string | undefined> {
    try {
      await this.run(block, 1, watched);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`${this.model.path} fails on the first seed: ${errorMessage(error)}`);
    }
    if (this.#maxBatchSize === 1 || block.capacity < 2) return undefined;
    try {
      await this.run(block, 2, watched);
      return undefined;
    } catch (error) {
      this.#maxBatchSize = 1;
      return `the model takes one testcase a run (${errorMessage(error)})`;
    }
  }
}

class NotBatchedError extends Error {
  constructor(tensor: NamedTensor, rows: number) {
    super(`tensor ${tensor.name} is ${shapeText(tensor.shape)} for a batch of ${rows}`);
  }
}

/** An input with its free dimensions fixed. */
export function makeTestcaseInput(input: InputSpec, shape: readonly number[]): TestcaseInput {
  return { name: input.name, type: input.type, shape, size: sizeOf(shape) };
}
