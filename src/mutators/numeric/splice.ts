import { copyParent, type MutatorKind } from '../mutator.ts';
import { forEachRun, makeBox } from './box.ts';

/** Minimum length of a run that is copied by `set`. */
const MIN_BULK_COPY = 128;

/** Copies a part of another entry: single elements, a box, or all values beyond a cut along one axis. */
export const splice: MutatorKind = {
  name: 'splice',
  help: 'takes elements, a box or one side of a cut from another entry',
  source: 'splicing of AFL (Zalewski, technical whitepaper); uniform crossover (Syswerda 1989)',
  mayChangeMeaning: true,
  domains: ['numbers', 'flags'],
  parameters: [],
  partner: 'other',
  editsPart: true,
  cost: 8,
  editCost: 14,
  make() {
    const box = makeBox();
    return {
      mutate(out, offset, parent, context) {
        const { partner, random, shape, edits } = context;
        copyParent(out, offset, parent, context);
        const variant = random.below(3);
        if (variant === 0) {
          const count = 1 + random.below(Math.max(1, parent.length >> 4));
          for (let n = 0; n < count; n++) {
            const i = random.below(parent.length);
            out[offset + i] = partner[i];
            edits?.changed(i, i + 1);
          }
          return;
        }
        box.draw(shape, 1, random);
        if (variant === 2) {
          const axis = random.below(Math.max(1, shape.length));
          for (let d = 0; d < shape.length; d++) {
            if (d !== axis || random.uniform() < 0.5) box.from[d] = 0;
            if (d !== axis || box.from[d] > 0) box.to[d] = shape[d];
          }
        }
        forEachRun(box, shape, (from, to) => {
          edits?.changed(from, to);
          // A view costs more than a short run, and less than a long one.
          if (to - from > MIN_BULK_COPY) out.set(partner.subarray(from, to), offset + from);
          else for (let i = from; i < to; i++) out[offset + i] = partner[i];
        });
      },
    };
  },
};
