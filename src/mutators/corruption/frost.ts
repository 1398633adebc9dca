import { makeCorruption } from './corruption.ts';
import { makePlasmaCache } from './plasma.ts';

/** How white the ice is where it is thickest and thinnest. */
const MAX_WHITENESS = 0.95;
const MIN_WHITENESS = 0.25;

/**
 * a·x + b·frost. ImageNet-C lays photographs of frost over the picture; here the ice is drawn: ridges where plasma
 * passes through its middle, which branch as crystals do.
 */
export const frost = makeCorruption(
  { name: 'frost', help: 'ice crystals lie over the picture', cost: 730 },
  [
    { own: 1, ice: 0.4 },
    { own: 0.8, ice: 0.6 },
    { own: 0.7, ice: 0.7 },
    { own: 0.65, ice: 0.7 },
    { own: 0.6, ice: 0.75 },
  ],
  () => {
    const plasmaFor = makePlasmaCache();
    return ({ own, ice }, seen, out, layout, { random }) => {
      const { height, width, channels, rowStep, columnStep, channelStep } = layout;
      const plasma = plasmaFor(width, height);
      plasma.draw(1.6, random);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const ridge = 1 - Math.abs(2 * plasma.heights[y * plasma.side + x] - 1);
          const white = MIN_WHITENESS + (MAX_WHITENESS - MIN_WHITENESS) * ridge ** 4;
          for (let c = 0; c < channels; c++) {
            const i = y * rowStep + x * columnStep + c * channelStep;
            out[i] = own * seen[i] + ice * white;
          }
        }
      }
    };
  },
);
