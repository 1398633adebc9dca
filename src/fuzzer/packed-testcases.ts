import type { TestcaseData } from '../inputs/testcase.ts';
import type { Form } from '../model/batched-model.ts';
import { copyInto, copyOf, type TensorData } from '../tensor/tensor.ts';

/** A testcase with what coverage compares. */
export interface Observed {
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}

/**
 * Testcases with their activations as they pass between processes: one array for each input, the testcases'
 * values one after the other, since an array has its price, however short it is.
 */
export interface Bundle {
  readonly count: number;
  /** The forms that come up. */
  readonly forms: readonly Form[];
  /** Of each testcase, which of `forms` it has. */
  readonly formOf: Uint16Array;
  readonly columns: readonly TensorData[];
  readonly activations: Float32Array;
}

/** Packs testcases in their order. */
export function bundled(items: readonly Observed[]): Bundle {
  const [first] = items;
  const places = new Map<string, number>();
  const forms: Form[] = [];
  const formOf = new Uint16Array(items.length);
  items.forEach(({ data: { form } }, i) => {
    let place = places.get(form.key);
    if (place === undefined) {
      place = forms.push(form) - 1;
      places.set(form.key, place);
    }
    formOf[i] = place;
  });
  if (first === undefined) return { count: 0, forms, formOf, columns: [], activations: new Float32Array(0) };
  const columns = first.data.columns.map((values, input) =>
    joined(
      values,
      items.map(({ data }) => data.columns[input]),
    ),
  );
  const activations = joined(
    first.activations,
    items.map((item) => item.activations),
  );
  return { count: items.length, forms, formOf, columns, activations: activations as Float32Array };
}

/** Activations of one testcase: a view. */
export function activationsAt({ count, activations }: Bundle, i: number): Float32Array {
  const width = activations.length / count;
  return activations.subarray(i * width, (i + 1) * width);
}

/** One testcase, copied: a view would keep the whole bundle in memory. */
export function unbundled(bundle: Bundle, i: number): Observed {
  const form = bundle.forms[bundle.formOf[i]];
  const columns = bundle.columns.map((column, input) => {
    const start = startOf(bundle, input, i);
    return copyOf(column.subarray(start, start + form.inputs[input].size) as TensorData);
  });
  return { data: { form, columns }, activations: copyOf(activationsAt(bundle, i)) };
}

function startOf({ forms, formOf }: Bundle, input: number, i: number): number {
  if (forms.length === 1) return i * forms[0].inputs[input].size;
  let start = 0;
  for (let before = 0; before < i; before++) start += forms[formOf[before]].inputs[input].size;
  return start;
}

function joined<T extends TensorData>(like: T, parts: readonly TensorData[]): T {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new (like.constructor as new (length: number) => T)(length);
  let at = 0;
  for (const part of parts) {
    copyInto(all, part, at);
    at += part.length;
  }
  return all;
}
