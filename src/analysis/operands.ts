import type { Finiteness, NamedTensor } from '../model/model.ts';
import { DTYPES, halfToNumber, readNumber, type Tensor, type TensorData } from '../tensor/tensor.ts';

/** A tensor that an operation reads, at the element that went wrong. */
export interface Operand {
  readonly tensor: string;
  /** Its value there; absent where no single element belongs to the result's. */
  readonly value?: number;
  /** Its smallest and largest value. */
  readonly range: readonly [low: number, high: number];
}

/** The worst that is among a tensor's numbers. */
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

/** Place of the first NaN, else of the first infinity. */
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

/** A tensor that an operation read, at the element of the result that went wrong. */
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
  const place = broadcastIndex(shape, result.shape, index);
  const value = place === undefined ? {} : { value: readNumber(type, data, place) };
  return { tensor: name, ...value, range: [low, high] };
}

/** The element of a tensor that broadcasts to an element of the result; undefined where the shapes don't. */
export function broadcastIndex(
  shape: readonly number[],
  result: readonly number[],
  index: number,
): number | undefined {
  if (shape.length > result.length) return undefined;
  let place = 0;
  let stride = 1;
  let left = index;
  for (let back = 1; back <= result.length; back++) {
    const size = result[result.length - back];
    const at = left % size;
    left = Math.floor(left / size);
    const own = shape[shape.length - back];
    if (own === undefined) continue;
    if (own !== size && own !== 1) return undefined;
    place += (own === 1 ? 0 : at) * stride;
    stride *= own;
  }
  return place;
}
