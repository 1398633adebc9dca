import { WINDOW_SIZE } from '../simd/noise-pool.ts';
import { imageSize, type LevelCorruption } from './corruption.ts';

/**
 * Noise on every level.
 *
 * @param add the level with noise, from a standard normal draw and the deviation
 */
export function makeNoise(
  add: (level: number, draw: number, deviation: number) => number,
): () => LevelCorruption<number> {
  return () =>
    (deviation, seen, out, layout, { noise, random }) => {
      const size = imageSize(layout);
      for (let from = 0; from < size; from += WINDOW_SIZE) {
        const { values, start } = noise.window('normal', random);
        const to = Math.min(size, from + WINDOW_SIZE);
        for (let i = from; i < to; i++) out[i] = add(seen[i], values[start + i - from], deviation);
      }
    };
}
