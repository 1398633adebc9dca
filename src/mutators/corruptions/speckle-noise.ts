import { WINDOW } from '../noise.ts';
import { corruption, sizeOf } from './corruption.ts';

/** x + x·N(0, c). */
export const speckleNoise = corruption(
  { name: 'speckle-noise', help: 'Gaussian noise that grows with the level', cost: 90 },
  [0.15, 0.2, 0.35, 0.45, 0.6],
  () =>
    (deviation, seen, out, layout, { noise, random }) => {
      const size = sizeOf(layout);
      for (let from = 0; from < size; from += WINDOW) {
        const { values, place } = noise.window('normal', random);
        const to = Math.min(size, from + WINDOW);
        for (let i = from; i < to; i++) out[i] = seen[i] * (1 + deviation * values[place + i - from]);
      }
    },
);
