import type { TestcaseData } from '../campaign/testcase.ts';
import { copyInto, copyOf, type TensorData } from '../models/tensor.ts';

/** A testcase with what coverage compares. */
export interface Observed {
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}

/**
 * Testcases with their activations as they pass between processes: one array for each input, `[count, ...]`,
 * since an array has its price, however short it is.
 */
export interface Bundle {
  readonly count: number;
  readonly columns: TestcaseData;
  readonly activations: Float32Array;
}

/** Packs testcases of equal shapes, in their order. */
export function bundled(items: readonly Observed[]): Bundle {
  const [first] = items;
  if (first === undefined) return { count: 0, columns: [], activations: new Float32Array(0) };
  const columns = first.data.map((values) => emptyLike(values, items.length * values.length));
  const width = first.activations.length;
  const activations = new Float32Array(items.length * width);
  items.forEach((item, i) => {
    item.data.forEach((values, input) => {
      copyInto(columns[input], values, i * values.length);
    });
    activations.set(item.activations, i * width);
  });
  return { count: items.length, columns, activations };
}

/** Activations of one testcase: a view. */
export function activationsAt({ count, activations }: Bundle, i: number): Float32Array {
  const width = activations.length / count;
  return activations.subarray(i * width, (i + 1) * width);
}

/** One testcase, copied: a view would keep the whole bundle in memory. */
export function unbundled(bundle: Bundle, i: number): Observed {
  const data = bundle.columns.map((column) => {
    const size = column.length / bundle.count;
    return copyOf(column.subarray(i * size, (i + 1) * size) as TensorData);
  });
  return { data, activations: copyOf(activationsAt(bundle, i)) };
}

function emptyLike<T extends TensorData>(values: T, length: number): T {
  return new (values.constructor as new (length: number) => T)(length);
}
