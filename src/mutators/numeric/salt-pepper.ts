import { MIN_AMOUNT } from '../min-amount.ts';
import { copyParent, type MutatorKind } from '../mutator.ts';

const RATE = {
  name: 'rate',
  default: 0.05,
  help: 'share of the values that are changed, drawn up to this',
  min: MIN_AMOUNT,
  max: 1,
} as const;

/** Sets some values to one end of their bounds or the other. */
export const saltPepper: MutatorKind = {
  name: 'salt-pepper',
  help: 'sets some values to the smallest or the largest legal ones',
  source: 'salt and pepper noise, as in DeepHunter (Xie et al. 2019), table 1',
  domains: ['numbers'],
  parameters: [RATE],
  staysInBounds: true,
  editsPart: true,
  cost: 2,
  editCost: 8,
  make(value) {
    const rate = value(RATE);
    return {
      mutate(out, offset, parent, context) {
        const { bounds, random, edits } = context;
        copyParent(out, offset, parent, context);
        const { length } = parent;
        const count = Math.ceil(rate * random.uniform() * length);
        for (let n = 0; n < count; n++) {
          const draw = random.below(2 * length);
          const i = draw >> 1;
          out[offset + i] = draw & 1 ? bounds.high[i] : bounds.low[i];
          edits?.changed(i, i + 1);
        }
      },
    };
  },
};
