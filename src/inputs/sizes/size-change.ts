import { makeTestcaseInput, shapeSignatureOf, type TestcaseInput } from '../../model/testcase-batch.ts';
import { DTYPES, makeData, readNumber, sizeOf, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import type { TestcaseData } from '../testcase.ts';

/** One open dimension at a size that no seed has. Plain data. */
export interface SizeChange {
  /** The dimension for people: its name, or input and axis. */
  readonly dimension: string;
  /** Where testcases have the dimension: index of the input, and axis without the batch. */
  readonly places: readonly { readonly input: number; readonly axis: number }[];
  /** Inputs of one whole number that tells the size. */
  readonly lengthInputs: readonly number[];
  readonly size: number;
}

/**
 * A testcase at another size of a dimension: cut at the end, or with its last slice repeated. One dimension of whole numbers
 * that count up, as position ids do, counts on; what must not change keeps its place at the end of tokens.
 *
 * @param specialOf ids of an input's tokens that stay
 */
export function resizeTestcase(
  { form, inputs }: TestcaseData,
  { places, lengthInputs, size }: SizeChange,
  specialOf: (input: number) => readonly number[] = () => [],
): TestcaseData {
  const shapes = form.inputs.map(({ shape }) => [...shape]);
  const resized = [...inputs];
  for (const { input, axis } of places) {
    resized[input] = resizeAxis(
      form.inputs[input],
      shapes[input],
      resized[input],
      axis,
      size,
      specialOf(input),
    );
    shapes[input][axis] = size;
  }
  for (const input of lengthInputs) {
    const { type } = form.inputs[input];
    resized[input] = makeData(type, 1);
    writeNumber(type, resized[input], 0, size);
  }
  return {
    form: shapeSignatureOf(
      form.inputs.map((input, i) => ({ ...input, ...makeTestcaseInput(input, shapes[i]) }) as TestcaseInput),
    ),
    inputs: resized,
  };
}

/**
 * A testcase with the shapes of another: each axis of another size is cut at the end, or its last slice repeated. Undefined where
 * an input has another number of dimensions, or does not hold numbers of floating point.
 */
export function resizeToForm(testcase: TestcaseData, form: TestcaseData['form']): TestcaseData | undefined {
  const inputs: TensorData[] = [];
  for (const [i, input] of testcase.form.inputs.entries()) {
    const { shape } = form.inputs[i];
    const resized = resizeInput(input, testcase.inputs[i], shape);
    if (resized === undefined) return undefined;
    inputs.push(resized);
  }
  return { form, inputs };
}

/** Data of an input at another shape; undefined as for `resizeToForm`. */
export function resizeInput(
  input: TestcaseInput,
  data: TensorData,
  shape: readonly number[],
): TensorData | undefined {
  if (input.shape.length !== shape.length) return undefined;
  const current = [...input.shape];
  let resized = data;
  for (const [axis, size] of shape.entries()) {
    if (current[axis] === size) continue;
    if (DTYPES[input.type].kind !== 'float') return undefined;
    resized = resizeAxis(input, current, resized, axis, size, []);
    current[axis] = size;
  }
  return resized;
}

function resizeAxis(
  { type }: TestcaseInput,
  shape: readonly number[],
  data: TensorData,
  axis: number,
  size: number,
  special: readonly number[],
): TensorData {
  const length = shape[axis];
  const blocks = sizeOf(shape.slice(0, axis));
  const stride = sizeOf(shape.slice(axis + 1));
  const values = makeData(type, blocks * size * stride);
  if (length === 0) return values;
  const isLine = shape.length === 1 && DTYPES[type].kind === 'int';
  const ids = isLine ? Array.from({ length }, (_, i) => readNumber(type, data, i)) : [];
  const sources = special.length > 0 && isLine ? sourcesAround(ids, size, special) : undefined;
  const counts = ids.length > 1 && ids.every((id, i) => id === ids[0] + i);
  for (let block = 0; block < blocks; block++)
    for (let i = 0; i < size; i++) {
      const source = sources === undefined ? Math.min(i, length - 1) : sources[i];
      const beyond = counts && sources === undefined ? Math.max(0, i - length + 1) : 0;
      for (let k = 0; k < stride; k++) {
        const value = readNumber(type, data, (block * length + source) * stride + k);
        writeNumber(type, values, (block * size + i) * stride + k, value + beyond);
      }
    }
  return values;
}

/** Of each place of a longer or shorter line of tokens, the place that it comes from: special ids all stay, if they fit. */
function sourcesAround(ids: readonly number[], size: number, special: readonly number[]): number[] {
  const sources = ids.map((_, i) => i);
  const lastOrdinary = (): number => sources.findLastIndex((source) => !special.includes(ids[source]));
  while (sources.length > size) {
    const at = lastOrdinary();
    sources.splice(at < 0 ? sources.length - 1 : at, 1);
  }
  while (sources.length < size) {
    const at = Math.max(0, lastOrdinary());
    sources.splice(at, 0, sources[at]);
  }
  return sources;
}
