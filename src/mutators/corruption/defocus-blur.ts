import { applyStencil, makeStencil } from '../image/filter.ts';
import { lengthScale, makeCorruption } from './corruption.ts';

/** Longest radius in pixels. */
const MAX_RADIUS = 24;

/** Averages by a disk. Its edge goes through pixels, which count by as much as lies within. */
export const defocusBlur = makeCorruption(
  { name: 'defocus-blur', help: 'averages levels over a disk, as out of focus', cost: 340 },
  [3, 4, 6, 8, 10],
  () => {
    const stencil = makeStencil((2 * MAX_RADIUS + 3) ** 2);
    return (radius, seen, out, layout) => {
      const within = Math.min(MAX_RADIUS, radius * lengthScale(layout));
      const side = Math.ceil(within + 0.5);
      let n = 0;
      for (let y = -side; y <= side; y++) {
        for (let x = -side; x <= side; x++) {
          const weight = Math.min(1, Math.max(0, within + 0.5 - Math.hypot(x, y)));
          if (weight === 0) continue;
          stencil.dx[n] = x;
          stencil.dy[n] = y;
          stencil.weights[n++] = weight;
        }
      }
      stencil.count = n;
      applyStencil(seen, out, layout, stencil);
    };
  },
);
