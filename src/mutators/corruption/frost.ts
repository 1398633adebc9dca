import { makeCorruption } from './corruption.ts';
import { makePlasmaCache } from './plasma.ts';

/** Level of the ice at its thickest and at its thinnest. */
const MAX_WHITENESS = 0.95;
const MIN_WHITENESS = 0.25;

/**
 * a·x + b·frost. ImageNet-C overlays photographs of frost; here the ice is drawn from plasma, whose crossings of its mid
 * height are ridges that branch as crystals do.
 */
export const frost = makeCorruption(
  { name: 'frost', help: 'covers the picture with ice crystals', cost: 730 },
  [
    { picture: 1, ice: 0.4 },
    { picture: 0.8, ice: 0.6 },
    { picture: 0.7, ice: 0.7 },
    { picture: 0.65, ice: 0.7 },
    { picture: 0.6, ice: 0.75 },
  ],
  () => {
    const plasmaFor = makePlasmaCache();
    return ({ picture, ice }, seen, out, layout, { random }) => {
      const { height, width, channels, rowStep, columnStep, channelStep } = layout;
      const plasma = plasmaFor(width, height);
      plasma.draw(1.6, random);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const ridge = 1 - Math.abs(2 * plasma.heights[y * plasma.side + x] - 1);
          const white = MIN_WHITENESS + (MAX_WHITENESS - MIN_WHITENESS) * ridge ** 4;
          for (let c = 0; c < channels; c++) {
            const i = y * rowStep + x * columnStep + c * channelStep;
            out[i] = picture * seen[i] + ice * white;
          }
        }
      }
    };
  },
);
