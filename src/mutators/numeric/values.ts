import { copyParent, type MutatorKind } from '../mutator.ts';
import { drawCount, makeCountParameter } from './count-parameter.ts';

const MOST = makeCountParameter('values', 8);

/** Replaces one value or a few by uniform draws within their bounds. */
export const values: MutatorKind = {
  name: 'values',
  help: 'sets one value or a few to any legal values',
  source: 'byte mutations of AFL (Zalewski, technical whitepaper), for values',
  domains: ['numbers', 'flags'],
  parameters: [MOST],
  staysInBounds: true,
  editsPart: true,
  cost: 1,
  editCost: 0.01,
  make(value) {
    const most = value(MOST);
    return {
      mutate(out, offset, parent, context) {
        const { bounds, random, edits } = context;
        copyParent(out, offset, parent, context);
        const { length } = parent;
        const count = drawCount(most, random);
        for (let n = 0; n < count; n++) {
          const i = random.below(length);
          out[offset + i] = bounds.low[i] + (bounds.high[i] - bounds.low[i]) * random.uniform();
          edits?.changed(i, i + 1);
        }
      },
    };
  },
};
