import type { Layout } from '../mutators/image/layout.ts';
import { readNumber, type Tensor } from '../tensor/tensor.ts';
import { type Placement, patchPlaces } from './program.ts';

/**
 * What `program.npy` holds: what is added to each value, or what is written in its place, and NaN where the input's own value stays, so
 * that the file alone tells which.
 *
 * @param values by `programValues`
 */
export function storedValues(values: ArrayLike<number>, { mode, mask }: Placement): Float32Array {
  return Float32Array.from(mask, (isInside, i) =>
    mode === 'replace' && isInside === 0 ? Number.NaN : values[i],
  );
}

/** A stored program, and where it writes. */
export interface StoredProgram {
  /** 0 where the input's own value stays. */
  readonly values: Float64Array;
  readonly placement: Placement;
}

/**
 * Reads what `storedValues` wrote.
 *
 * @param size values of the input
 * @param layout of its pictures; undefined where it takes none
 * @returns undefined where it does not suit the input
 */
export function readStored(
  { type, data, shape }: Tensor,
  size: number,
  layout: Layout | undefined,
  range: { readonly low: number; readonly high: number },
): StoredProgram | undefined {
  const stored = Float64Array.from({ length: data.length }, (_, i) => readNumber(type, data, i));
  const isPatch = stored.length < size;
  if (stored.length > size || (isPatch && (layout === undefined || shape.length < 2))) return undefined;
  const isReplacing = isPatch || stored.some(Number.isNaN);
  const mask = Uint8Array.from(stored, (value) =>
    Number.isNaN(value) || (!isReplacing && value === 0) ? 0 : 1,
  );
  const [height, width] = shape.length === 3 && isChannelsFirst(layout) ? shape.slice(1) : shape;
  return {
    values: stored.map((value) => (Number.isNaN(value) ? 0 : value)),
    placement: {
      mode: isReplacing ? 'replace' : 'add',
      mask,
      epsilon: 0,
      low: new Float64Array(stored.length).fill(range.low),
      high: new Float64Array(stored.length).fill(range.high),
      ...(isPatch && layout !== undefined ? { places: patchPlaces(layout, { height, width }) } : {}),
    },
  };
}

function isChannelsFirst(layout: Layout | undefined): boolean {
  return layout !== undefined && layout.channels > 1 && layout.channelStep !== 1;
}
