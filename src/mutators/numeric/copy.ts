import type { WorkingArray } from '../../constraints/bounds.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { copyParent, type MutationContext, type MutatorKind } from '../mutator.ts';
import { forEachRun, makeBox } from './box.ts';

/**
 * Makes two parts of a testcase equal: copies the values of another input of the same shape, or, within the
 * input, one slice along an axis into another. Distances, angles and overlaps of equal operands are where rounding decides.
 */
export const copy: MutatorKind = {
  name: 'copy',
  help: 'copies all values, or a box of them, from another input of the same shape, or one part of the input to another part',
  source: 'block overwriting of AFL (Zalewski, technical whitepaper), between the arguments of a model',
  mayChangeMeaning: true,
  domains: ['numbers'],
  parameters: [],
  forGoals: true,
  readsInputs: true,
  cost: 2,
  make() {
    const box = makeBox();
    return {
      mutate(out, offset, parent, context) {
        const { random, shape, siblings = [] } = context;
        copyParent(out, offset, parent, context);
        if (siblings.length === 0) {
          copyWithin(out, offset, parent, context);
          return;
        }
        const sibling = siblings[random.below(siblings.length)];
        if (random.uniform() < 0.5) {
          out.set(sibling, offset);
          return;
        }
        box.draw(shape, 1, random);
        forEachRun(box, shape, (from, to) => {
          for (let i = from; i < to; i++) out[offset + i] = sibling[i];
        });
      },
    };
  },
};

/** Copies one of two, or of as many slices as an axis has, into another; nothing where no axis has two. */
function copyWithin(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { random, shape }: Pick<MutationContext, 'random' | 'shape'>,
): void {
  const axis = random.below(Math.max(1, shape.length));
  const size = shape[axis] ?? 1;
  if (size < 2) return;
  const parts = size % 2 === 0 && random.uniform() < 0.5 ? 2 : size;
  const source = random.below(parts);
  const target = (source + 1 + random.below(parts - 1)) % parts;
  const length = (size / parts) * sizeOf(shape.slice(axis + 1));
  for (let block = 0; block < parent.length; block += parts * length)
    for (let i = 0; i < length; i++)
      out[offset + block + target * length + i] = parent[block + source * length + i];
}
