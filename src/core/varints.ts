/** Bits of a number in one byte; the highest bit says that more bytes follow. */
const BITS = 7;
const MORE = 1 << BITS;

/** Most bytes of a number of 32 bits. */
const MAX_BYTES = 5;

/** Numbers as base64 of LEB128: a small one is one byte. */
export function encodeVarints(numbers: Uint32Array): string {
  const bytes = Buffer.allocUnsafe(MAX_BYTES * numbers.length);
  let length = 0;
  for (let value of numbers) {
    for (; value >= MORE; value >>>= BITS) bytes[length++] = (value % MORE) + MORE;
    bytes[length++] = value;
  }
  return bytes.toString('base64', 0, length);
}

/** Decodes the result of `encodeVarints`. */
export function decodeVarints(text: string): Uint32Array<ArrayBuffer> {
  const bytes = Buffer.from(text, 'base64');
  const numbers = new Uint32Array(bytes.length);
  let count = 0;
  let shift = 0;
  for (const byte of bytes) {
    numbers[count] += (byte % MORE) * 2 ** shift;
    shift = byte >= MORE ? shift + BITS : 0;
    if (shift === 0) count++;
  }
  return numbers.slice(0, count);
}
