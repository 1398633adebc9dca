import { gaussianBlur, makeBlurBuffers } from '../image/filter.ts';
import { lengthScale, makeCorruption } from './corruption.ts';

/** Blurs, swaps each pixel with a near one, and blurs again. */
export const glassBlur = makeCorruption(
  { name: 'glass-blur', help: 'swaps nearby pixels, as behind ribbed glass', cost: 690 },
  [
    { sigma: 0.7, furthest: 1, rounds: 2 },
    { sigma: 0.9, furthest: 2, rounds: 1 },
    { sigma: 1, furthest: 2, rounds: 3 },
    { sigma: 1.1, furthest: 3, rounds: 2 },
    { sigma: 1.5, furthest: 4, rounds: 2 },
  ],
  ({ size }) => {
    const buffers = makeBlurBuffers(size);
    return ({ sigma, furthest, rounds }, seen, out, layout, { random }) => {
      const { height, width, channels, rowStep, columnStep, channelStep } = layout;
      const scale = lengthScale(layout);
      const reach = Math.max(1, Math.round(furthest * scale));
      gaussianBlur(seen, out, layout, sigma * scale, buffers);
      for (let round = 0; round < rounds; round++) {
        for (let y = height - 1 - reach; y >= reach; y--) {
          for (let x = width - 1 - reach; x >= reach; x--) {
            const near = random.below(4 * reach * reach);
            const to = y * rowStep + x * columnStep;
            const from =
              to +
              (Math.floor(near / (2 * reach)) - reach) * rowStep +
              ((near % (2 * reach)) - reach) * columnStep;
            for (let c = 0; c < channels; c++) {
              const held = out[to + c * channelStep];
              out[to + c * channelStep] = out[from + c * channelStep];
              out[from + c * channelStep] = held;
            }
          }
        }
      }
      gaussianBlur(out, out, layout, sigma * scale, buffers);
    };
  },
);
