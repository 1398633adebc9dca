import { HALF_MAX, type HalfArithmetic } from '../../../half.ts';
import type { KeyValue } from '../proto.ts';

/** Key of the metadata in which a derived copy says how it computes in half precision. */
const KEY = 'neurofuzz.half';

/** The metadata of a copy with partial sums in half precision. */
export function halfMetadata(arithmetic: HalfArithmetic): KeyValue {
  return { key: KEY, value: JSON.stringify(arithmetic) };
}

/** How a derived copy computes in half precision; undefined for other files. */
export function readHalfMetadata(metadata: readonly KeyValue[]): HalfArithmetic | undefined {
  const text = metadata.find(({ key }) => key === KEY)?.value;
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as HalfArithmetic;
    const { format, accumulate, lanes, partialSums, blocks, roundedOnce } = value;
    const isOurs =
      Object.hasOwn(HALF_MAX, format) &&
      (accumulate === 'float32' || Object.hasOwn(HALF_MAX, accumulate)) &&
      [lanes, partialSums].every(Number.isInteger) &&
      Object.values(blocks).every(Number.isInteger) &&
      roundedOnce.every((name) => typeof name === 'string');
    return isOurs ? { format, accumulate, lanes, partialSums, blocks, roundedOnce } : undefined;
  } catch {
    // A file of someone else's, under the same key: it is no more than a note.
    return undefined;
  }
}
