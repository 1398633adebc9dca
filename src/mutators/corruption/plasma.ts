import type { Random } from '../../core/random.ts';

/** A square of heights from 0 to 1 whose opposite borders match. */
export interface Plasma {
  /** A power of two. */
  readonly side: number;
  /** Row by row. */
  readonly heights: Float64Array;
  /** Draws new heights: the larger the decay, the smoother. */
  draw(decay: number, random: Random): void;
}

/** Plasma that covers pictures of a size: the diamond-square algorithm (Fournier, Fussell & Carpenter 1982). */
export function makePlasma(size: number): Plasma {
  let side = 2;
  while (side < size) side *= 2;
  const heights = new Float64Array(side * side);
  const at = (x: number, y: number): number => heights[(y & (side - 1)) * side + (x & (side - 1))];
  return {
    side,
    heights,
    draw(decay, random) {
      heights[0] = 0;
      let wibble = 1;
      const wobble = (): number => wibble * (2 * random.uniform() - 1);
      for (let step = side; step >= 2; step /= 2, wibble /= decay) {
        const half = step / 2;
        for (let y = half; y < side; y += step) {
          for (let x = half; x < side; x += step) {
            const corners =
              at(x - half, y - half) +
              at(x + half, y - half) +
              at(x - half, y + half) +
              at(x + half, y + half);
            heights[y * side + x] = corners / 4 + wobble();
          }
        }
        for (let y = 0; y < side; y += half) {
          for (let x = (y / half) % 2 === 0 ? half : 0; x < side; x += step) {
            const sides = at(x - half, y) + at(x + half, y) + at(x, y - half) + at(x, y + half);
            heights[y * side + x] = sides / 4 + wobble();
          }
        }
      }
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (const height of heights) {
        if (height < low) low = height;
        if (height > high) high = height;
      }
      for (let i = 0; i < heights.length; i++) heights[i] = (heights[i] - low) / (high - low || 1);
    },
  };
}

/** Plasma by the size of a picture, allocated once for each size. */
export function makePlasmaCache(): (width: number, height: number) => Plasma {
  const bySize = new Map<number, Plasma>();
  return (width, height) => {
    const size = Math.max(width, height);
    let plasma = bySize.get(size);
    if (plasma === undefined) {
      plasma = makePlasma(size);
      bySize.set(size, plasma);
    }
    return plasma;
  };
}
