import { type WorkingArray, widthAt } from '../../constraints/bounds.ts';
import type { MutationContext, MutatorKind } from '../mutator.ts';
import { WINDOW_SIZE } from '../simd/noise-pool.ts';
import { forEachRun, makeBox } from './box.ts';
import { drawStrength } from './mutation-strength.ts';

/** Longest side of the box whose values are moved, as a share of each dimension. */
const BOX_SHARE = 0.5;

/**
 * Gaussian steps of any size between 10⁻⁷ and 1 of the range: on all values, on those of a box, or on a single one. Its place is a
 * climb whose margin is a matter of rounding, where steps of one size are too coarse or too short. The planner of the climb
 * says which strength has paid.
 */
export const creep: MutatorKind = {
  name: 'creep',
  help: 'Gaussian noise on every value, a box of values or one value, with a strength from 0.0000001 to 1 of the range, learned for each goal',
  source: 'creep mutation (Davis 1991); mutative step sizes of evolution strategies (Schwefel 1981)',
  domains: ['numbers'],
  parameters: [],
  staysInBounds: true,
  forGoals: true,
  cost: 4,
  make() {
    const box = makeBox();
    return {
      mutate(out, offset, parent, context) {
        const { random, noise, bounds, shape } = context;
        const strength = context.strength ?? drawStrength(random);
        const variant = random.below(4);
        if (variant < 2 || parent.length === 1) {
          noise.add('normal', out, offset, parent, bounds, random, strength);
          return;
        }
        out.set(parent, offset);
        if (variant === 2) {
          box.draw(shape, BOX_SHARE, random);
          forEachRun(box, shape, (from, to) => addNoise(out, offset, parent, context, strength, from, to));
          return;
        }
        const i = random.below(parent.length);
        addNoise(out, offset, parent, context, strength, i, i + 1);
      },
    };
  },
};

/** Adds noise to the values at `[from, to)`. */
function addNoise(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { noise, bounds, random }: Pick<MutationContext, 'noise' | 'bounds' | 'random'>,
  strength: number,
  from: number,
  to: number,
): void {
  const { low, high } = bounds;
  const { values, start } = noise.window('normal', random);
  for (let i = from; i < to; i++) {
    const value = parent[i] + strength * widthAt(bounds, i) * values[start + ((i - from) % WINDOW_SIZE)];
    out[offset + i] = Math.min(high[i], Math.max(low[i], value));
  }
}
