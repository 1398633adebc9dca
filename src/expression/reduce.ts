import { REDUCE } from './reduce-binary.ts';

/** Exports of reduce.wat; addresses are in bytes. */
interface ReduceExports {
  readonly memory: WebAssembly.Memory;
  outermost(from: number, size: number, rows: number, out: number): void;
  sums(from: number, size: number, rows: number, out: number): void;
}

/** Reductions that the kernel computes. */
export type ReductionKind = 'max' | 'min' | 'max-abs' | 'sum';

const PAGE_BYTES = 1 << 16;

/** Values that `outermost` writes per row: maximum, minimum and largest magnitude. */
const OUTERMOST_NUMBERS = 3;

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(REDUCE, 'base64')));
if (!isReduceExports(exports)) throw new Error('reduce.wat exports something else');
const { memory, outermost, sums } = exports;

function isReduceExports(kernel: object): kernel is ReduceExports {
  return ['memory', 'outermost', 'sums'].every((name) => name in kernel);
}

/** Grows the kernel's memory to at least so many bytes. */
function ensureMemory(bytes: number): ArrayBuffer {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  return memory.buffer;
}

/**
 * Reduces rows of float32 values by a SIMD kernel, four values at a time (reduce.wat); NaN propagates.
 *
 * @param values `[rows, size]`
 * @param out receives one number per row
 */
export function reduceRows(
  kind: ReductionKind,
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
  if (kind === 'sum') {
    sums(from, size, rows, 0);
    out.set(new Float64Array(buffer, 0, rows));
    return;
  }
  outermost(from, size, rows, 0);
  const extremes = new Float32Array(buffer, 0, OUTERMOST_NUMBERS * rows);
  const column = kind === 'max' ? 0 : kind === 'min' ? 1 : 2;
  for (let row = 0; row < rows; row++) {
    // Maximum and minimum ignore NaN; the magnitude does not.
    const magnitude = extremes[OUTERMOST_NUMBERS * row + 2];
    out[row] = Number.isNaN(magnitude) ? magnitude : extremes[OUTERMOST_NUMBERS * row + column];
  }
}
