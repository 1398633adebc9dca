import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';

const MOST = {
  name: 'most',
  default: 4,
  help: 'longest step, as a multiple of the change that led to this entry',
  min: MIN_AMOUNT,
  max: 1e6,
} as const;

/** Standard deviation of the noise on seeds, as a share of the range. */
const SEED_NOISE_SIGMA = 0.02;

/**
 * A further step in the direction from the parent's own parent to the parent, a change that led to a new entry. Seeds have
 * no such direction and get a little noise.
 */
export const momentum: MutatorKind = {
  name: 'momentum',
  help: 'takes a step along the change that made this entry from its parent',
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
