import { WINDOW } from '../simd/noise-pool.ts';
import { type Corrupt, sizeOf } from './corruption.ts';

/** Adds noise to every level: `add` says what a level becomes with a standard normal draw and a deviation. */
export function noisy(
  add: (level: number, draw: number, deviation: number) => number,
): () => Corrupt<number> {
  return () =>
    (deviation, seen, out, layout, { noise, random }) => {
      const size = sizeOf(layout);
      for (let from = 0; from < size; from += WINDOW) {
        const { values, place } = noise.window('normal', random);
        const to = Math.min(size, from + WINDOW);
        for (let i = from; i < to; i++) out[i] = add(seen[i], values[place + i - from], deviation);
      }
    };
}
