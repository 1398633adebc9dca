import { sizeOf, type Tensor, type TensorData } from './tensor.ts';

/** Largest Unicode code point. */
export const MAX_CODE_POINT = 0x10ffff;

/** Code points of a string. */
export function codePointsOf(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

/**
 * Encodes strings as NumPy stores them (`<U`): one row of `width` code points a string, padded with zeros.
 *
 * @param shape of the strings; the tensor has `[...shape, width]`
 * @param width at least 1; longer strings are truncated. By default the longest string's
 */
export function encodeStrings(strings: readonly string[], shape: readonly number[], width?: number): Tensor {
  const rows = strings.map(codePointsOf);
  const columns = width ?? rows.reduce((most, { length }) => Math.max(most, length), 1);
  const data = new Uint32Array(sizeOf(shape) * columns);
  rows.forEach((row, i) => {
    data.set(row.slice(0, columns), i * columns);
  });
  return { type: 'uint32', shape: [...shape, columns], data, isString: true };
}

/** The strings of values `[..., width]`, each up to the padding at its end. */
export function decodeStrings(data: TensorData, width: number): string[] {
  return Array.from({ length: width === 0 ? 0 : data.length / width }, (_, i) =>
    decodeString(data, i * width, width),
  );
}

function decodeString(data: TensorData, from: number, width: number): string {
  let to = from + width;
  while (to > from && Number(data[to - 1]) === 0) to--;
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCodePoint(Number(data[i]));
  return text;
}
