import { WINDOW } from '../noise.ts';
import { corruption, sizeOf } from './corruption.ts';

/** x + N(0, c). */
export const gaussianNoise = corruption(
  { name: 'gaussian-noise', help: 'Gaussian noise on every level', cost: 110 },
  [0.08, 0.12, 0.18, 0.26, 0.38],
  () =>
    (deviation, seen, out, layout, { noise, random }) => {
      const size = sizeOf(layout);
      for (let from = 0; from < size; from += WINDOW) {
        const { values, place } = noise.window('normal', random);
        const to = Math.min(size, from + WINDOW);
        for (let i = from; i < to; i++) out[i] = seen[i] + deviation * values[place + i - from];
      }
    },
);
