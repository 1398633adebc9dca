import type { MutatorKind } from '../mutator.ts';

/** The longest step, in ways as long as the one that is followed. */
const LONGEST = 4;

/**
 * Steps along the way that led from an earlier generation to this entry: 4, 2, 1, ½ and so on times as long, the same for all
 * inputs. Where the way to a goal is a narrow valley, the last generations together point along it and no single one does.
 */
export const path: MutatorKind = {
  name: 'path',
  help: 'takes steps along the change that made this entry from one of its ancestors, from four times its length to a small part of it',
  source: 'evolution path of CMA-ES (Hansen & Ostermeier 2001), as a line to search along',
  domains: ['numbers'],
  parameters: [],
  partner: 'parent',
  forGoals: true,
  cost: 6,
  make: () => ({
    mutate(out, offset, parent, { partner, arithmetic, mutantIndex }) {
      arithmetic.lerp(out, offset, parent, partner, -LONGEST * 2 ** -mutantIndex);
    },
  }),
};
