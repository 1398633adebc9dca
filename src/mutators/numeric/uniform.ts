import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';

const AMOUNT = {
  name: 'amount',
  default: 0.15,
  help: "largest change, as a share of the input's range",
  min: MIN_AMOUNT,
  max: 10,
} as const;

/** Uniform noise on every value: as much as is allowed everywhere, where Gaussian noise has its tails. */
export const uniform: MutatorKind = {
  name: 'uniform',
  help: 'uniform noise on every value',
  source: 'additive uniform noise of Foolbox (Rauber et al. 2017)',
  domains: ['numbers'],
  parameters: [AMOUNT],
  staysInBounds: true,
  cost: 4,
  make(value) {
    const amount = value(AMOUNT);
    return {
      mutate(out, offset, parent, { noise, bounds, random }) {
        noise.add('uniform', out, offset, parent, bounds, random, amount);
      },
    };
  },
};
