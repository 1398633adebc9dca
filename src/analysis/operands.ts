import type { Finiteness, NamedTensor } from '../model/model.ts';
import { DTYPES, halfToNumber, readNumber, type Tensor, type TensorData } from '../tensor/tensor.ts';

/** A tensor that an operation read, at the element of the result that is not finite. */
export interface Operand {
  readonly tensor: string;
  /** Its value there; absent if the element does not correspond to a single one of this tensor. */
  readonly value?: number;
  /** Its smallest and largest value. */
  readonly range: readonly [low: number, high: number];
}

/** The worst value in a tensor. */
export function finitenessOf({ type, data }: Pick<Tensor, 'type' | 'data'>): Finiteness {
  if (DTYPES[type].kind !== 'float') return 'finite';
  let worst: Finiteness = 'finite';
  for (let i = 0; i < data.length; i++) {
    const value = type === 'float16' ? halfToNumber(data[i] as number) : (data[i] as number);
    if (Number.isFinite(value)) continue;
    if (Number.isNaN(value)) return 'nan';
    worst = 'inf';
  }
  return worst;
}

/** Index of the first NaN, else of the first infinity, else 0. */
export function worstIndexOf({
  type,
  data,
}: {
  readonly type: Tensor['type'];
  readonly data: TensorData;
}): number {
  let infinity = 0;
  for (let i = data.length - 1; i >= 0; i--) if (!Number.isFinite(readNumber(type, data, i))) infinity = i;
  for (let i = 0; i < data.length; i++) if (Number.isNaN(readNumber(type, data, i))) return i;
  return infinity;
}

/** @param index element of the result, counted over the whole tensor */
export function operandOf(
  { name, type, data, shape }: NamedTensor,
  result: NamedTensor,
  index: number,
): Operand {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = readNumber(type, data, i);
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const source = broadcastIndex(shape, result.shape, index);
  const value = source === undefined ? {} : { value: readNumber(type, data, source) };
  return { tensor: name, ...value, range: [low, high] };
}

/** Index of the element that broadcasts to an element of the result; undefined if the shapes do not broadcast. */
export function broadcastIndex(
  shape: readonly number[],
  result: readonly number[],
  index: number,
): number | undefined {
  if (shape.length > result.length) return undefined;
  let source = 0;
  let stride = 1;
  let left = index;
  for (let back = 1; back <= result.length; back++) {
    const size = result[result.length - back];
    const at = left % size;
    left = Math.floor(left / size);
    const sourceSize = shape[shape.length - back];
    if (sourceSize === undefined) continue;
    if (sourceSize !== size && sourceSize !== 1) return undefined;
    source += (sourceSize === 1 ? 0 : at) * stride;
    stride *= sourceSize;
  }
  return source;
}
