import { copyInto, type DType, makeData, rowsOf, sizeOf, type TensorData } from '../tensor/tensor.ts';
import type { InputSpec } from './model.ts';

/** A model input in the shape of one testcase: without the batch dimension, every dimension known. */
export interface TestcaseInput {
  readonly name: string;
  readonly type: DType;
  readonly shape: readonly number[];
  /** Values in one row. */
  readonly size: number;
  /** Whether values are code points of strings, whose length is the last dimension. */
  readonly isString?: boolean;
}

/** Shapes of a testcase's inputs, in the model's order. Testcases of equal signatures can share a batch. */
export interface ShapeSignature {
  readonly inputs: readonly TestcaseInput[];
  /** Equal for equal shapes. */
  readonly key: string;
}

/** Testcases of one signature: for each input, in the model's order, `[rows, ...shape]` in one typed array. */
export interface TestcaseBatch {
  readonly form: ShapeSignature;
  readonly inputs: readonly TensorData[];
}

/** A batch to write testcases into; its arrays may be longer than `capacity` rows. */
export interface BatchBuffer extends TestcaseBatch {
  readonly capacity: number;
}

/** An input with its free dimensions fixed to `shape`, which has no batch dimension. */
export function makeTestcaseInput(input: InputSpec, shape: readonly number[]): TestcaseInput {
  const { name, type, strings } = input;
  return { name, type, shape, size: sizeOf(shape), ...(strings === undefined ? {} : { isString: true }) };
}

export function shapeSignatureOf(inputs: readonly TestcaseInput[]): ShapeSignature {
  return { inputs, key: inputs.map(({ shape }) => shape.join()).join(';') };
}

/** A batch of `capacity` rows of zeros. */
export function allocateBatch(form: ShapeSignature, capacity: number): BatchBuffer {
  return { form, capacity, inputs: form.inputs.map(({ type, size }) => makeData(type, size * capacity)) };
}

/** Copies testcases of one signature, at least one, into one batch. */
export function packBatch(testcases: readonly TestcaseBatch[]): BatchBuffer {
  const [{ form }] = testcases;
  const batch = allocateBatch(form, testcases.length);
  testcases.forEach(({ inputs }, row) => {
    inputs.forEach((values, i) => {
      copyInto(batch.inputs[i], values, row * form.inputs[i].size);
    });
  });
  return batch;
}

/** Rows `from` up to `to` of a batch, as views. */
export function sliceTestcases({ form, inputs }: TestcaseBatch, from: number, to: number): TestcaseBatch {
  return { form, inputs: form.inputs.map(({ size }, i) => rowsOf(inputs[i], size, from, to)) };
}

/** Divides testcases, in their order, into runs of one signature and at most `maxRows`. */
export function* groupIntoBatches<T>(
  items: readonly T[],
  signatureOf: (item: T) => ShapeSignature,
  maxRows: number,
): Generator<readonly T[]> {
  let from = 0;
  while (from < items.length) {
    const { key } = signatureOf(items[from]);
    let to = from + 1;
    while (to < items.length && to - from < maxRows && signatureOf(items[to]).key === key) to++;
    yield items.slice(from, to);
    from = to;
  }
}
