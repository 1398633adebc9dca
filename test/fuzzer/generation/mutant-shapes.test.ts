import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { MutantShapes, type MutantShapesOptions } from '../../../src/fuzzer/generation/mutant-shapes.ts';
import { makeScratchBuffers } from '../../../src/fuzzer/generation/scratch-buffers.ts';
import type { Arm } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import type { Mutator } from '../../../src/mutators/mutator.ts';
import { entryOf, taskOf, testcaseOf } from '../../support/tasks.ts';

const armOf = (mutator: Partial<Mutator>): Arm => ({
  mutator: { mutate: () => {}, ...mutator },
  confined: true,
  geometric: false,
});

/** Takes the most tokens allowed. */
const GROW = armOf({ lengthOf: (_parent, _least, most) => most });
/** Takes the fewest tokens allowed. */
const SHRINK = armOf({ lengthOf: (_parent, least) => least });
const KEEP = armOf({});

const shapesOf = (fields: Partial<MutantShapesOptions> = {}): MutantShapes =>
  new MutantShapes({
    arms: [[KEEP, GROW, SHRINK]],
    lengthChanges: { leader: 0, followers: [], minLength: 2, maxLength: 9 },
    maxEdits: undefined,
    scratch: [makeScratchBuffers('int32', 9, [])],
    ...fields,
  });

const ENTRY = entryOf(0, testcaseOf([1, 2, 3, 4], 'int32'));

/** Length of the mutants of a pick with one mutator. */
function lengthWith(shapes: MutantShapes, arm: number, ancestorLength = 4): number {
  const task = taskOf([0], { stacks: [arm, -1, -1, -1] });
  return shapes.shapeOf(task, 0, ENTRY, () => ancestorLength, randomStream('shapes')).inputs[0].size;
}

test('a mutator that changes the length decides it, within the fewest and the most tokens', () => {
  const shapes = shapesOf();
  expect([0, 1, 2].map((arm) => lengthWith(shapes, arm))).toEqual([4, 9, 2]);
});

test('the length stays within the edits allowed from the ancestor', () => {
  const shapes = shapesOf({ maxEdits: 1 });
  expect([1, 2].map((arm) => lengthWith(shapes, arm))).toEqual([5, 3]);
  // The ancestor was one token longer than the parent.
  expect([1, 2].map((arm) => lengthWith(shapes, arm, 5))).toEqual([6, 4]);
});

test('where lengths are fixed, mutants have the shape of their parent', () => {
  expect(lengthWith(shapesOf({ lengthChanges: undefined }), 1)).toBe(4);
});

test('mutants of one length share a shape', () => {
  const shapes = shapesOf();
  const grow = taskOf([0, 0], { stacks: [1, -1, -1, -1, 1, -1, -1, -1] });
  const [first, second] = [0, 1].map((pick) =>
    shapes.shapeOf(grow, pick, ENTRY, () => 4, randomStream('shapes', pick)),
  );
  expect(second).toBe(first);
});
