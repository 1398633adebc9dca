import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';
import { gaussianBlur, makeBlurBuffers } from './filter.ts';
import { mutateLevels } from './layout.ts';

const MOST = {
  name: 'most',
  default: 0.06,
  help: 'largest standard deviation of the Gaussian kernel, as a share of the shorter side',
  min: MIN_AMOUNT,
  max: 1,
} as const;

/** Averages levels by a Gaussian bell. */
export const blur: MutatorKind = {
  name: 'blur',
  help: 'averages levels with their neighbours',
  source: 'image blur of DeepHunter (Xie et al. 2019)',
  domains: ['image'],
  parameters: [MOST],
  cost: 215,
  make: mutateLevels((value, { size }) => {
    const most = value(MOST);
    const buffers = makeBlurBuffers(size);
    return (seen, out, layout, { random }) => {
      const sigma = most * Math.min(layout.width, layout.height) * random.uniform();
      gaussianBlur(seen, out, layout, sigma, buffers);
    };
  }),
};
