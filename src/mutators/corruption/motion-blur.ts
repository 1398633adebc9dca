import { between } from '../image/layout.ts';
import { corruption, scaleOf } from './corruption.ts';
import { blurAlong } from './motion.ts';

/** Blurs along a line within 45 degrees of level. */
export const motionBlur = corruption(
  { name: 'motion-blur', help: 'levels are averaged along a line, as of a moving camera', cost: 1400 },
  [
    { radius: 10, sigma: 3 },
    { radius: 15, sigma: 5 },
    { radius: 15, sigma: 8 },
    { radius: 15, sigma: 12 },
    { radius: 20, sigma: 15 },
  ],
  () =>
    ({ radius, sigma }, seen, out, layout, { random }) => {
      const scale = scaleOf(layout);
      blurAlong(seen, out, layout, between(random, -45, 45), radius * scale, sigma * scale);
    },
);
