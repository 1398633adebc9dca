import { REDUCE } from './reduce-binary.ts';

interface ReduceExports {
  readonly memory: WebAssembly.Memory;
  outermost(from: number, size: number, rows: number, out: number): void;
  sums(from: number, size: number, rows: number, out: number): void;
}

/** What is asked of all values of each row. */
export type ReductionKind = 'max' | 'min' | 'max-abs' | 'sum';

const PAGE_BYTES = 1 << 16;

/** Numbers that `outermost` writes of each row. */
const OUTERMOST_NUMBERS = 3;

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(REDUCE, 'base64')));
const { memory, outermost, sums } = exports as unknown as ReduceExports;

/** Memory of at least so many bytes; it never becomes less. */
function ensureMemory(bytes: number): ArrayBuffer {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  return memory.buffer;
}

/**
 * Reduces rows of single-precision numbers, four at a time (reduce.wat). A NaN in a row gives a NaN.
 *
 * @param values of the rows, one after the other
 * @param out one number for each row
 */
export function reduceRows(
  by: ReductionKind,
  values: Float32Array,
  size: number,
  rows: number,
  out: Float64Array,
): void {
  const from = 8 * OUTERMOST_NUMBERS * rows;
  const buffer = ensureMemory(from + 4 * size * rows);
  new Float32Array(buffer, from, size * rows).set(
    values.length === size * rows ? values : values.subarray(0, size * rows),
  );
  if (by === 'sum') {
    sums(from, size, rows, 0);
    out.set(new Float64Array(buffer, 0, rows));
    return;
  }
  outermost(from, size, rows, 0);
  const found = new Float32Array(buffer, 0, OUTERMOST_NUMBERS * rows);
  const place = by === 'max' ? 0 : by === 'min' ? 1 : 2;
  for (let row = 0; row < rows; row++) {
    const magnitude = found[OUTERMOST_NUMBERS * row + 2];
    out[row] = Number.isNaN(magnitude) ? magnitude : found[OUTERMOST_NUMBERS * row + place];
  }
}
