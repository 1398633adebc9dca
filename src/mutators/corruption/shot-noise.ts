import { WINDOW_SIZE } from '../simd/noise-pool.ts';
import { imageSize, makeCorruption } from './corruption.ts';

/** Poisson(x·c) / c: photon noise, where c photons are white. */
export const shotNoise = makeCorruption(
  { name: 'shot-noise', help: 'Poisson noise, as in low light', cost: 210 },
  [60, 25, 12, 5, 3],
  () =>
    (grains, seen, out, layout, { noise, random }) => {
      const size = imageSize(layout);
      for (let from = 0; from < size; from += WINDOW_SIZE) {
        const { values, start } = noise.window('uniform', random);
        const to = Math.min(size, from + WINDOW_SIZE);
        for (let i = from; i < to; i++)
          out[i] = poissonQuantile(grains * seen[i], (values[start + i - from] + 1) / 2) / grains;
      }
    },
);

/** Quantile of a Poisson distribution, by summing probabilities from 0. */
function poissonQuantile(mean: number, quantile: number): number {
  if (!(mean > 0)) return 0;
  let chance = Math.exp(-mean);
  let below = chance;
  let count = 0;
  // Probabilities beyond this vanish in double precision.
  const maxCount = mean + 12 * Math.sqrt(mean) + 12;
  while (quantile > below && count < maxCount) {
    count++;
    chance *= mean / count;
    below += chance;
  }
  return count;
}
