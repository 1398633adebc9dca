import type { Bounds, WorkingArray } from '../../constraints/bounds.ts';
import type { Random } from '../../core/random.ts';
import { parameterValues } from '../../extensions/parameters.ts';
import { copyParent, type MutatorKind, type TokenSlope } from '../mutator.ts';
import { deletion } from './delete.ts';
import { duplicate } from './duplicate.ts';
import { insert } from './insert.ts';
import { substitute } from './substitute.ts';
import { swap } from './swap.ts';

/**
 * Draws of a position and one of its replacements, the best of which is taken: a mutant each, in turn. 0 is for a blind edit, since
 * the gradient says nothing of tokens that are inserted, removed or moved: with both, searches came nearer than with either.
 */
const DRAWS = [2, 8, 16, 32, 64, 0, 0, 0] as const;

/** Share of the mutants that replace two tokens or more, each further one as likely as the one before it. */
const FURTHER_SHARE = 0.25;

/** Attempts to draw a position whose token may be replaced by a better one. */
const MAX_ATTEMPTS = 16;

/**
 * Replaces tokens by those that the gradient of the distance from a goal says are the best: every mutant takes the best of a few
 * draws, so that some follow the forecast closely, and others try what it says is fair. What they reach is measured afterwards.
 */
export const hotflip: MutatorKind = {
  name: 'hotflip',
  help: 'replaces tokens by those that lead nearer to a goal, as the gradient with respect to their embeddings says; three mutants in eight insert, remove or move tokens',
  source: 'HotFlip (Ebrahimi et al. 2018), greedy coordinate gradient (Zou et al. 2023)',
  domains: ['tokens'],
  parameters: [],
  staysInBounds: true,
  forGoals: true,
  cost: 4,
  make(_values, input) {
    const [blind, ...edits] = [substitute, insert, deletion, swap, duplicate].map((kind) =>
      kind.make(parameterValues(), input),
    );
    const special = new Set(input.tokens?.special);
    return {
      mutate(out, offset, parent, context) {
        const { replacements, random, bounds, mutantIndex } = context;
        if (replacements === undefined || replacements.tokens.length < parent.length * replacements.count) {
          blind.mutate(out, offset, parent, context);
          return;
        }
        const draws = DRAWS[mutantIndex % DRAWS.length];
        if (draws === 0) {
          edits[random.below(edits.length)].mutate(out, offset, parent, context);
          return;
        }
        copyParent(out, offset, parent, context);
        do {
          const best = drawBest(replacements, draws, out, offset, parent, bounds, special, random);
          if (best < 0) return;
          out[offset + Math.floor(best / replacements.count)] = replacements.tokens[best];
        } while (random.uniform() < FURTHER_SHARE);
      },
    };
  },
};

/** Index of the replacement with the largest forecast among some that are drawn; −1 where none is legal and forecast to gain. */
function drawBest(
  { tokens, gains, count }: TokenSlope,
  draws: number,
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { low, high }: Bounds,
  special: ReadonlySet<number>,
  random: Random,
): number {
  let best = -1;
  for (let attempt = 0, drawn = 0; drawn < draws && attempt < draws * MAX_ATTEMPTS; attempt++) {
    const position = random.below(parent.length);
    const index = position * count + random.below(count);
    const token = tokens[index];
    if (special.has(parent[position]) || !(gains[index] > 0) || token === parent[position]) continue;
    // Another one for a position that was replaced already would undo that.
    if (out[offset + position] !== parent[position]) continue;
    if (token < low[position] || token > high[position]) continue;
    drawn++;
    if (best < 0 || gains[index] > gains[best]) best = index;
  }
  return best;
}
