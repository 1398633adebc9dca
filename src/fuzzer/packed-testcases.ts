import { byteLengthOf, type TestcaseData } from '../inputs/testcase.ts';
import type { ShapeSignature } from '../model/testcase-batch.ts';
import { cloneData, copyInto, type TensorData } from '../tensor/tensor.ts';

/** A testcase with the observation of its run. */
export interface ObservedTestcase {
  readonly data: TestcaseData;
  /** The observation that coverage compares. */
  readonly activations: Float32Array;
}

/**
 * Testcases with their observations as they pass between processes: one array for each input, the testcases' values one
 * after the other, since every array has a fixed cost, however short it is. Large testcases keep their own arrays, since
 * joining and cutting them costs more.
 */
export interface PackedTestcases {
  readonly count: number;
  /** Shapes that occur. */
  readonly shapes: readonly ShapeSignature[];
  /** Of each testcase, the index of its shape in `shapes`. */
  readonly shapeIndices: Uint16Array;
  readonly inputs: readonly TensorData[];
  /** Of each testcase the values of each input, in place of `inputs`; absent where testcases are small. */
  readonly large?: readonly (readonly TensorData[])[];
  /** `[count, width]` */
  readonly activations: Float32Array;
}

/** Bytes from which on a testcase keeps its own arrays. */
const LARGE_BYTES = 1 << 18;

/** Packs testcases in their order. */
export function packTestcases(testcases: readonly ObservedTestcase[]): PackedTestcases {
  const [first] = testcases;
  const indexByKey = new Map<string, number>();
  const shapes: ShapeSignature[] = [];
  const shapeIndices = Uint16Array.from(testcases, ({ data: { form } }) => {
    const index = indexByKey.get(form.key) ?? shapes.push(form) - 1;
    indexByKey.set(form.key, index);
    return index;
  });
  if (first === undefined)
    return { count: 0, shapes, shapeIndices, inputs: [], activations: new Float32Array(0) };
  const packed = {
    count: testcases.length,
    shapes,
    shapeIndices,
    activations: concatenate(
      first.activations,
      testcases.map(({ activations }) => activations),
    ),
  };
  if (testcases.some(({ data }) => byteLengthOf(data) >= LARGE_BYTES))
    return { ...packed, inputs: [], large: testcases.map(({ data }) => data.inputs) };
  return {
    ...packed,
    inputs: first.data.inputs.map((values, input) =>
      concatenate(
        values,
        testcases.map(({ data }) => data.inputs[input]),
      ),
    ),
  };
}

/** The observation of one testcase: a view. */
export function activationsAt({ count, activations }: PackedTestcases, i: number): Float32Array {
  const width = activations.length / count;
  return activations.subarray(i * width, (i + 1) * width);
}

/** One testcase, copied where it shares arrays with others: a view would keep all of them in memory. */
export function unpackTestcase(packed: PackedTestcases, i: number): ObservedTestcase {
  const form = packed.shapes[packed.shapeIndices[i]];
  const activations = cloneData(activationsAt(packed, i));
  if (packed.large !== undefined)
    return { data: { form, inputs: packed.large[i].map(withOwnBuffer) }, activations };
  const inputs = packed.inputs.map((values, input) => {
    const start = offsetOf(packed, input, i);
    return cloneData(values.subarray(start, start + form.inputs[input].size) as TensorData);
  });
  return { data: { form, inputs }, activations };
}

/** The array, copied where it is a view: of a message that holds all testcases, if they did not travel as files. */
function withOwnBuffer(values: TensorData): TensorData {
  return values.buffer.byteLength === values.byteLength ? values : cloneData(values);
}

function offsetOf({ shapes, shapeIndices }: PackedTestcases, input: number, i: number): number {
  if (shapes.length === 1) return i * shapes[0].inputs[input].size;
  let start = 0;
  for (let before = 0; before < i; before++) start += shapes[shapeIndices[before]].inputs[input].size;
  return start;
}

function concatenate<T extends TensorData>(like: T, parts: readonly TensorData[]): T {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new (like.constructor as new (length: number) => T)(length);
  let offset = 0;
  for (const part of parts) {
    copyInto(joined, part, offset);
    offset += part.length;
  }
  return joined;
}
