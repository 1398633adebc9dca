import { warp } from '../image/warp.ts';
import { imageSize, makeCorruption } from './corruption.ts';

/** The mean of the picture and of enlargements of it. */
export const zoomBlur = makeCorruption(
  {
    name: 'zoom-blur',
    help: 'averages the picture with enlargements of itself, as when the camera comes nearer',
    cost: 2000,
  },
  [
    { to: 1.11, step: 0.01 },
    { to: 1.16, step: 0.01 },
    { to: 1.21, step: 0.02 },
    { to: 1.26, step: 0.02 },
    { to: 1.31, step: 0.03 },
  ],
  ({ size: most }) => {
    const enlarged = new Float32Array(most);
    return ({ to, step }, seen, out, layout) => {
      const size = imageSize(layout);
      const count = Math.ceil((to - 1) / step - 1e-9);
      out.set(seen);
      for (let n = 0; n < count; n++) {
        const factor = 1 / (1 + n * step);
        warp(seen, enlarged, 0, layout, { a: factor, b: 0, c: 0, d: 0, e: factor, f: 0 }, 0);
        for (let i = 0; i < size; i++) out[i] += enlarged[i];
      }
      for (let i = 0; i < size; i++) out[i] /= count + 1;
    };
  },
);
