import type { TestcaseData } from '../inputs/testcase.ts';
import type { ShapeSignature } from '../model/testcase-batch.ts';
import { cloneData, copyInto, type TensorData } from '../tensor/tensor.ts';

/** A testcase with what coverage compares. */
export interface ObservedTestcase {
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}

/**
 * Testcases with their activations as they pass between processes: one array for each input, the testcases'
 * values one after the other, since an array has its price, however short it is.
 */
export interface PackedTestcases {
  readonly count: number;
  /** The forms that come up. */
  readonly shapes: readonly ShapeSignature[];
  /** Of each testcase, which of `forms` it has. */
  readonly shapeIndices: Uint16Array;
  readonly inputs: readonly TensorData[];
  readonly activations: Float32Array;
}

/** Packs testcases in their order. */
export function packTestcases(items: readonly ObservedTestcase[]): PackedTestcases {
  const [first] = items;
  const places = new Map<string, number>();
  const forms: ShapeSignature[] = [];
  const formOf = new Uint16Array(items.length);
  items.forEach(({ data: { form } }, i) => {
    let place = places.get(form.key);
    if (place === undefined) {
      place = forms.push(form) - 1;
      places.set(form.key, place);
    }
    formOf[i] = place;
  });
  if (first === undefined)
    return { count: 0, shapes: forms, shapeIndices: formOf, inputs: [], activations: new Float32Array(0) };
  const columns = first.data.inputs.map((values, input) =>
    concatenate(
      values,
      items.map(({ data }) => data.inputs[input]),
    ),
  );
  const activations = concatenate(
    first.activations,
    items.map((item) => item.activations),
  );
  return {
    count: items.length,
    shapes: forms,
    shapeIndices: formOf,
    inputs: columns,
    activations: activations as Float32Array,
  };
}

/** Activations of one testcase: a view. */
export function activationsAt({ count, activations }: PackedTestcases, i: number): Float32Array {
  const width = activations.length / count;
  return activations.subarray(i * width, (i + 1) * width);
}

/** One testcase, copied: a view would keep the whole bundle in memory. */
export function unpackTestcase(bundle: PackedTestcases, i: number): ObservedTestcase {
  const form = bundle.shapes[bundle.shapeIndices[i]];
  const columns = bundle.inputs.map((column, input) => {
    const start = offsetOf(bundle, input, i);
    return cloneData(column.subarray(start, start + form.inputs[input].size) as TensorData);
  });
  return { data: { form, inputs: columns }, activations: cloneData(activationsAt(bundle, i)) };
}

function offsetOf({ shapes, shapeIndices }: PackedTestcases, input: number, i: number): number {
  if (shapes.length === 1) return i * shapes[0].inputs[input].size;
  let start = 0;
  for (let before = 0; before < i; before++) start += shapes[shapeIndices[before]].inputs[input].size;
  return start;
}

function concatenate<T extends TensorData>(like: T, parts: readonly TensorData[]): T {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new (like.constructor as new (length: number) => T)(length);
  let at = 0;
  for (const part of parts) {
    copyInto(all, part, at);
    at += part.length;
  }
  return all;
}
