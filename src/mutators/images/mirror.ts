import type { MutatorKind } from '../mutator.ts';
import { layoutsOf } from './layout.ts';

/** Turns the picture left to right, or top to bottom. */
export const mirror: MutatorKind = {
  name: 'mirror',
  help: 'the picture is flipped, left to right or top to bottom',
  source: 'image flips of data augmentation (Krizhevsky et al. 2012)',
  domains: ['image'],
  parameters: [],
  geometric: true,
  cost: 8,
  make(_value, input) {
    const layoutFor = layoutsOf(input);
    return {
      mutate(out, offset, parent, { shape, random }) {
        const { height, width, channels, rowStep, columnStep, channelStep } = layoutFor(shape);
        const isAcross = random.uniform() < 0.5;
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const to = offset + y * rowStep + x * columnStep;
            const from = isAcross
              ? y * rowStep + (width - 1 - x) * columnStep
              : (height - 1 - y) * rowStep + x * columnStep;
            for (let c = 0; c < channels; c++) out[to + c * channelStep] = parent[from + c * channelStep];
          }
        }
      },
    };
  },
};
