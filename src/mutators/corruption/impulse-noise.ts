import { imageSize, makeCorruption } from './corruption.ts';

/** Salt and pepper on a share c of the levels. */
export const impulseNoise = makeCorruption(
  { name: 'impulse-noise', help: 'sets some levels to black or white', cost: 78 },
  [0.03, 0.06, 0.09, 0.17, 0.27],
  () =>
    (share, seen, out, layout, { random }) => {
      const size = imageSize(layout);
      out.set(seen);
      const count = Math.round(share * size);
      for (let n = 0; n < count; n++) {
        const draw = random.below(2 * size);
        out[draw >> 1] = draw & 1;
      }
    },
);
