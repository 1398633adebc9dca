import type { MutatorKind } from '../mutator.ts';

const MOST = {
  name: 'most',
  default: 2,
  help: 'largest factor; its inverse is the smallest',
  min: 1,
  max: 1e6,
} as const;

/** Multiplies all values by one factor: straight out from zero, or in. */
export const multiply: MutatorKind = {
  name: 'multiply',
  help: 'multiplies all values by one factor',
  source: 'scaling of sensor data (Um et al. 2017)',
  domains: ['numbers'],
  parameters: [MOST],
  cost: 6,
  make(value) {
    const most = Math.log(value(MOST));
    return {
      mutate(out, offset, parent, { arithmetic, random }) {
        arithmetic.scale(out, offset, parent, Math.exp(most * (2 * random.uniform() - 1)));
      },
    };
  },
};
