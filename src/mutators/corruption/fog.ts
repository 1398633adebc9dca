import { imageSize, makeCorruption } from './corruption.ts';
import { makePlasmaCache } from './plasma.ts';

/** (x + c·plasma) · max / (max + c): brightens dark levels and lowers the contrast. */
export const fog = makeCorruption(
  { name: 'fog', help: 'covers the picture with plasma clouds', cost: 350 },
  [
    { much: 1.5, decay: 2 },
    { much: 2, decay: 2 },
    { much: 2.5, decay: 1.7 },
    { much: 2.5, decay: 1.5 },
    { much: 3, decay: 1.4 },
  ],
  () => {
    const plasmaFor = makePlasmaCache();
    return ({ much, decay }, seen, out, layout, { random }) => {
      const { height, width, channels, rowStep, columnStep, channelStep } = layout;
      const plasma = plasmaFor(width, height);
      plasma.draw(decay, random);
      let brightest = 0;
      const size = imageSize(layout);
      for (let i = 0; i < size; i++) if (seen[i] > brightest) brightest = seen[i];
      const share = brightest / (brightest + much);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const veil = much * plasma.heights[y * plasma.side + x];
          for (let c = 0; c < channels; c++) {
            const i = y * rowStep + x * columnStep + c * channelStep;
            out[i] = (seen[i] + veil) * share;
          }
        }
      }
    };
  },
);
