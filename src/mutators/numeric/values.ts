import type { MutatorKind } from '../mutator.ts';
import { drawCount, makeCountParameter } from './count-parameter.ts';

const MOST = makeCountParameter('values', 8);

/** Draws one or a few values anew within their bounds. */
export const values: MutatorKind = {
  name: 'values',
  help: 'one value or a few become any others that are legal',
  source: 'byte mutations of AFL (Zalewski, technical whitepaper), for values',
  domains: ['numbers', 'flags'],
  parameters: [MOST],
  staysInBounds: true,
  cost: 1,
  make(value) {
    const most = value(MOST);
    return {
      mutate(out, offset, parent, { bounds, random }) {
        out.set(parent, offset);
        const { length } = parent;
        const count = drawCount(most, random);
        for (let n = 0; n < count; n++) {
          const i = random.below(length);
          out[offset + i] = bounds.low[i] + (bounds.high[i] - bounds.low[i]) * random.uniform();
        }
      },
    };
  },
};
