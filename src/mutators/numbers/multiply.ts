import type { MutatorKind } from '../mutator.ts';

const MOST = {
  name: 'most',
  default: 2,
  help: 'largest factor; its inverse is the smallest',
  between: [1, 1e6],
} as const;

/** Multiplies all values by one factor: straight out from zero, or in. */
export const multiply: MutatorKind = {
  name: 'multiply',
  help: 'all values are multiplied by one factor',
  source: 'scaling of activations outward, toward overflow',
  domains: ['numbers'],
  parameters: [MOST],
  cost: 2,
  make(value) {
    const most = Math.log(value(MOST));
    return {
      mutate(out, offset, parent, { random }) {
        const factor = Math.exp(most * (2 * random.uniform() - 1));
        for (let i = 0; i < parent.length; i++) out[offset + i] = parent[i] * factor;
      },
    };
  },
};
