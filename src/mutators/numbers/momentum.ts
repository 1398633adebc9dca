import type { MutatorKind } from '../mutator.ts';

const MOST = {
  name: 'most',
  default: 4,
  help: 'longest step, in steps as long as the one that led to this entry',
  between: [0, 1e6],
} as const;

/** Share of the range that is drawn as noise besides, so that a line is searched around and not along alone. */
const AROUND = 0.02;

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
  mate: 'parent',
  cost: 5,
  make(value) {
    const most = value(MOST);
    return {
      mutate(out, offset, parent, { mate, noise, bounds, random }) {
        noise.add('normal', out, offset, parent, bounds, random, AROUND * random.uniform());
        if (mate === parent) return;
        const step = most * random.uniform();
        for (let i = 0; i < parent.length; i++) out[offset + i] += step * (parent[i] - mate[i]);
      },
    };
  },
};
