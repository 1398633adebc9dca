import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';

const SIGMA = {
  name: 'sigma',
  default: 0.1,
  help: "standard deviation, as a share of the input's range",
  min: MIN_AMOUNT,
  max: 10,
} as const;

/** White noise on every value. TensorFuzz's sigma is 0.2 on pixels in [-1, 1]: 0.1 of the range. */
export const gaussian: MutatorKind = {
  name: 'gaussian',
  help: 'Gaussian noise on every value',
  source: 'TensorFuzz (Odena & Goodfellow 2018), section 3.2',
  domains: ['numbers'],
  parameters: [SIGMA],
  staysInBounds: true,
  cost: 4,
  make(value) {
    const sigma = value(SIGMA);
    return {
      mutate(out, offset, parent, { noise, bounds, random }) {
        noise.add('normal', out, offset, parent, bounds, random, sigma);
      },
    };
  },
};
