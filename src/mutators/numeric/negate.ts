import { copyParent, type MutatorKind } from '../mutator.ts';
import { forEachRun, makeBox } from './box.ts';

/** Negates all values or a box of them; ranges without both signs are mirrored about their middle. */
export const negate: MutatorKind = {
  name: 'negate',
  help: 'inverts the sign of all values or of a box of them, about the middle of a range without signs',
  source: 'negative images (Hosseini et al. 2017)',
  mayChangeMeaning: true,
  domains: ['numbers'],
  parameters: [],
  cost: 6,
  make() {
    const box = makeBox();
    return {
      mutate(out, offset, parent, context) {
        const { arithmetic, bounds, random, shape, edits } = context;
        const { low, high } = bounds;
        if (bounds.uniform && random.uniform() < 0.5) {
          arithmetic.scale(out, offset, parent, -1, low[0] < 0 && high[0] > 0 ? 0 : low[0] + high[0]);
          return;
        }
        copyParent(out, offset, parent, context);
        box.draw(shape, 1, random);
        forEachRun(box, shape, (from, to) => {
          edits?.changed(from, to);
          for (let i = from; i < to; i++) {
            const isSigned = low[i] < 0 && high[i] > 0;
            out[offset + i] = isSigned ? -parent[i] : low[i] + high[i] - parent[i];
          }
        });
      },
    };
  },
};
