import { drawBetween } from '../image/layout.ts';
import { lengthScale, makeCorruption } from './corruption.ts';
import { blurAlongLine } from './motion.ts';

/** Blurs along a line within 45 degrees of level. */
export const motionBlur = makeCorruption(
  { name: 'motion-blur', help: 'averages levels along a line, as with a moving camera', cost: 1400 },
  [
    { radius: 10, sigma: 3 },
    { radius: 15, sigma: 5 },
    { radius: 15, sigma: 8 },
    { radius: 15, sigma: 12 },
    { radius: 20, sigma: 15 },
  ],
  () =>
    ({ radius, sigma }, seen, out, layout, { random }) => {
      const scale = lengthScale(layout);
      blurAlongLine(seen, out, layout, drawBetween(random, -45, 45), radius * scale, sigma * scale);
    },
);
