import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';

const MOST = {
  name: 'most',
  default: 0.1,
  help: "largest offset, as a share of the input's range",
  min: MIN_AMOUNT,
  max: 1,
} as const;

/** Adds one number to all samples, as a microphone with a DC offset does. */
export const offset: MutatorKind = {
  name: 'offset',
  help: 'adds one number to all samples',
  source: 'DC offset of recording equipment',
  domains: ['audio'],
  parameters: [MOST],
  cost: 20,
  make(value) {
    const most = value(MOST);
    return {
      mutate(out, start, parent, { bounds, random }) {
        const added = most * bounds.width * (2 * random.uniform() - 1);
        for (let i = 0; i < parent.length; i++) out[start + i] = parent[i] + added;
      },
    };
  },
};
