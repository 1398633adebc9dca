import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';

const MOST = {
  name: 'most',
  default: 4,
  help: 'longest step, in steps as long as the one that led to this entry',
  min: MIN_AMOUNT,
  max: 1e6,
} as const;

/** Deviation of a seed's noise, as a share of the range. */
const SEED_NOISE_SIGMA = 0.02;

/**
 * Goes on in the direction that led from the parent's own parent to it: that change paid off, or it would not
 * have been kept. A seed has no such direction and gets a little noise.
 */
export const momentum: MutatorKind = {
  name: 'momentum',
  help: 'a step along the change that made this entry out of its own parent',
  source: 'pattern moves of Hooke & Jeeves (1961)',
  domains: ['numbers'],
  parameters: [MOST],
  partner: 'parent',
  cost: 6,
  make(value) {
    const most = value(MOST);
    return {
      mutate(out, offset, parent, { partner, noise, arithmetic, bounds, random }) {
        if (partner === parent) noise.add('normal', out, offset, parent, bounds, random, SEED_NOISE_SIGMA);
        else arithmetic.lerp(out, offset, parent, partner, -most * random.uniform());
      },
    };
  },
};
