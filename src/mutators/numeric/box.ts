import type { Random } from '../../core/random.ts';

/** Maximum number of dimensions: NumPy's limit. */
const MAX_DIMENSIONS = 64;

/** A box within a tensor: `[from, to)` in each dimension. */
export interface Box {
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Draws a box whose sides are at most a share of the tensor's. Dimensions of up to 4, such as channels, are taken whole. */
  draw(shape: readonly number[], share: number, random: Random): void;
}

/** A box for repeated draws without allocation. */
export function makeBox(): Box {
  const from = new Int32Array(MAX_DIMENSIONS);
  const to = new Int32Array(MAX_DIMENSIONS);
  return {
    from,
    to,
    draw(shape, share, random) {
      const least = shape.length > 1 ? 4 : 0;
      for (let d = 0; d < shape.length; d++) {
        const size = shape[d];
        const side = size <= least ? size : 1 + random.below(Math.max(1, Math.ceil(share * size)));
        from[d] = random.below(size - side + 1);
        to[d] = from[d] + side;
      }
    },
  };
}

/** Visits the positions of a box as the longest contiguous runs `[from, to)` in row-major order. */
export function forEachRun(
  { from, to }: Box,
  shape: readonly number[],
  visit: (from: number, to: number) => void,
): void {
  // Trailing dimensions that are taken whole are merged into one run.
  let last = shape.length - 1;
  let step = 1;
  while (last > 0 && from[last] === 0 && to[last] === shape[last]) step *= shape[last--];
  if (last < 0) {
    visit(0, 1);
    return;
  }
  const walk = (d: number, start: number): void => {
    if (d === last) {
      visit((start * shape[d] + from[d]) * step, (start * shape[d] + to[d]) * step);
      return;
    }
    for (let i = from[d]; i < to[d]; i++) walk(d + 1, start * shape[d] + i);
  };
  walk(0, 0);
}
