import type { MutatorKind } from '../mutator.ts';

/**
 * Divides the way to an entry that the model answers otherwise into equal parts, one for each of the mutants in
 * a row: somewhere between two neighbours lies the border. What is new there becomes an entry, whose own way to a
 * rival is shorter.
 */
export const bisect: MutatorKind = {
  name: 'bisect',
  help: 'points that divide the way to an entry of another class: the border lies between two of them',
  source: 'binary search of the boundary attack (Brendel, Rauber & Bethge 2018)',
  mayChangeMeaning: true,
  domains: ['numbers'],
  parameters: [],
  partner: 'rival',
  cost: 6,
  make: () => ({
    mutate(out, offset, parent, { arithmetic, partner, random, mutantIndex, mutantCount }) {
      arithmetic.lerp(out, offset, parent, partner, (mutantIndex + random.uniform()) / mutantCount);
    },
  }),
};
