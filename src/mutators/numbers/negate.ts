import type { MutatorKind } from '../mutator.ts';
import { boxOf, eachRun } from './box.ts';

/** Turns signs over, of all values or of a box; where zero is not in the middle, about the middle of the range. */
export const negate: MutatorKind = {
  name: 'negate',
  help: 'the sign of all values, or of a box of them, is turned over; about the middle of a range without signs',
  source: 'sign flips; inversion of images in DeepXplore-like tools',
  domains: ['numbers'],
  parameters: [],
  cost: 2,
  make() {
    const box = boxOf();
    return {
      mutate(out, offset, parent, { bounds, random, shape }) {
        out.set(parent, offset);
        const { low, high } = bounds;
        box.draw(shape, 1, random);
        if (random.uniform() < 0.5) {
          for (let d = 0; d < shape.length; d++) {
            box.from[d] = 0;
            box.to[d] = shape[d];
          }
        }
        eachRun(box, shape, (from, to) => {
          for (let i = from; i < to; i++) {
            const isSigned = low[i] < 0 && high[i] > 0;
            out[offset + i] = isSigned ? -parent[i] : low[i] + high[i] - parent[i];
          }
        });
      },
    };
  },
};
