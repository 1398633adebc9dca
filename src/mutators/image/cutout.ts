import { copyParent, type MutatorKind } from '../mutator.ts';
import { makeLayoutCache } from './layout.ts';

const MOST = {
  name: 'most',
  default: 0.4,
  help: 'longest side of the rectangle, as a share of the picture',
  min: 0,
  max: 1,
} as const;

/** Covers a rectangle with one grey. */
export const cutout: MutatorKind = {
  name: 'cutout',
  help: 'covers a rectangle with one grey',
  source: 'cutout (DeVries & Taylor 2017); occlusion of DeepXplore (Pei et al. 2017)',
  domains: ['image'],
  parameters: [MOST],
  editsPart: true,
  cost: 8,
  editCost: 0.7,
  make(value, input) {
    const most = value(MOST);
    const layoutFor = makeLayoutCache(input);
    return {
      mutate(out, offset, parent, context) {
        const { shape, random, edits } = context;
        copyParent(out, offset, parent, context);
        const layout = layoutFor(shape);
        const { height, width, channels, rowStep, columnStep, channelStep, black, white } = layout;
        const high = 1 + random.below(Math.max(1, Math.floor(most * height)));
        const wide = 1 + random.below(Math.max(1, Math.floor(most * width)));
        const top = random.below(height - high + 1);
        const left = random.below(width - wide + 1);
        const grey = random.uniform();
        for (let c = 0; c < channels; c++) {
          const value = black[c] + grey * (white[c] - black[c]);
          for (let y = top; y < top + high; y++) {
            const row = offset + y * rowStep + c * channelStep;
            for (let x = left; x < left + wide; x++) out[row + x * columnStep] = value;
            const first = row - offset + left * columnStep;
            edits?.changed(first, first + (wide - 1) * columnStep + 1);
          }
        }
      },
    };
  },
};
