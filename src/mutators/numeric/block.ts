import { copyParent, type MutatorKind } from '../mutator.ts';
import { forEachRun, makeBox } from './box.ts';

const SHARE = {
  name: 'share',
  default: 0.25,
  help: 'longest side of the block, as a share of each dimension',
  min: 0,
  max: 1,
} as const;

/** Fills a box within the tensor with one value. */
export const block: MutatorKind = {
  name: 'block',
  help: 'sets a box of values (in one dimension a run) to one value',
  source: 'overwriting blocks in AFL (Zalewski, technical whitepaper), in as many dimensions as there are',
  domains: ['numbers'],
  parameters: [SHARE],
  staysInBounds: true,
  editsPart: true,
  cost: 1,
  editCost: 0.03,
  make(value) {
    const share = value(SHARE);
    const box = makeBox();
    return {
      mutate(out, offset, parent, context) {
        const { bounds, random, shape, edits } = context;
        copyParent(out, offset, parent, context);
        const { low, high } = bounds;
        box.draw(shape, share, random);
        const fill = random.uniform();
        forEachRun(box, shape, (from, to) => {
          for (let i = from; i < to; i++) out[offset + i] = low[i] + (high[i] - low[i]) * fill;
          edits?.changed(from, to);
        });
      },
    };
  },
};
