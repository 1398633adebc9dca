import type { MutatorKind } from '../mutator.ts';

/**
 * Points on the line to an entry of another predicted class, in equal steps over the mutants of one parent: the decision
 * boundary lies between two neighbours. A mutant that becomes an entry is closer to its own rival. `strength` is the share of the line
 * that the points are on, from the parent; the whole line by default.
 */
export const bisect: MutatorKind = {
  name: 'bisect',
  help: 'takes points between this entry and one of another class; the border is between two of them',
  source: 'binary search of the boundary attack (Brendel, Rauber & Bethge 2018)',
  mayChangeMeaning: true,
  domains: ['numbers'],
  parameters: [],
  partner: 'rival',
  cost: 6,
  make: () => ({
    mutate(out, offset, parent, { arithmetic, partner, random, mutantIndex, mutantCount, strength = 1 }) {
      arithmetic.lerp(
        out,
        offset,
        parent,
        partner,
        (strength * (mutantIndex + random.uniform())) / mutantCount,
      );
    },
  }),
};
