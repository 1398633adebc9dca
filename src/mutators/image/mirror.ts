import type { MutatorKind } from '../mutator.ts';
import { makeLayoutCache } from './layout.ts';

/** Turns the picture left to right, or top to bottom. */
export const mirror: MutatorKind = {
  name: 'mirror',
  help: 'flips the picture, left to right or top to bottom',
  source: 'image flips of data augmentation (Krizhevsky et al. 2012)',
  mayChangeMeaning: true,
  domains: ['image'],
  parameters: [],
  geometric: true,
  cost: 19,
  make(_value, input) {
    const layoutFor = makeLayoutCache(input);
    return {
      mutate(out, offset, parent, { shape, random }) {
        const { height, width, channels, rowStep, columnStep, channelStep } = layoutFor(shape);
        const isAcross = random.uniform() < 0.5;
        for (let c = 0; c < channels; c++) {
          for (let y = 0; y < height; y++) {
            let to = offset + y * rowStep + c * channelStep;
            const row = (isAcross ? y : height - 1 - y) * rowStep + c * channelStep;
            const step = isAcross ? -columnStep : columnStep;
            let from = isAcross ? row + (width - 1) * columnStep : row;
            for (let x = 0; x < width; x++, to += columnStep, from += step) out[to] = parent[from];
          }
        }
      },
    };
  },
};
