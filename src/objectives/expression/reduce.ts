import { REDUCE } from './reduce-binary.ts';

interface Exports {
  readonly memory: WebAssembly.Memory;
  outermost(from: number, size: number, rows: number, out: number): void;
  sums(from: number, size: number, rows: number, out: number): void;
}

/** What is asked of all values of each row. */
export type Reduced = 'max' | 'min' | 'max-abs' | 'sum';

const PAGE = 1 << 16;

/** Numbers that `outermost` writes of each row. */
const OUTERMOST = 3;

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(REDUCE, 'base64')));
const { memory, outermost, sums } = exports as unknown as Exports;

/** Memory of at least so many bytes; it never becomes less. */
function memoryOf(bytes: number): ArrayBuffer {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  return memory.buffer;
}

/**
 * Reduces rows of single-precision numbers, four at a time (reduce.wat). A NaN in a row gives a NaN.
 *
 * @param values of the rows, one after the other
 * @param out one number for each row
 */
export function reduceRows(
  by: Reduced,
  values: Float32Array,
  size: number,
  rows: number,
  out: Float64Array,
): void {
  const from = 8 * OUTERMOST * rows;
  const buffer = memoryOf(from + 4 * size * rows);
  new Float32Array(buffer, from, size * rows).set(
    values.length === size * rows ? values : values.subarray(0, size * rows),
  );
  if (by === 'sum') {
    sums(from, size, rows, 0);
    out.set(new Float64Array(buffer, 0, rows));
    return;
  }
  outermost(from, size, rows, 0);
  const found = new Float32Array(buffer, 0, OUTERMOST * rows);
  const place = by === 'max' ? 0 : by === 'min' ? 1 : 2;
  for (let row = 0; row < rows; row++) {
    const magnitude = found[OUTERMOST * row + 2];
    out[row] = Number.isNaN(magnitude) ? magnitude : found[OUTERMOST * row + place];
  }
}
