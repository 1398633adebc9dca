import { expect, test } from '@jest/globals';
import { mutatorNames, NO_ARM, padStacks, stackOf } from '../../../src/fuzzer/scheduling/mutator-stack.ts';

// Two picks of two inputs.
const STACKS = padStacks([[2], [0, 1], [], [3, 2, 1, 0]]);

test('stacks are filled up to four arms', () => {
  expect(padStacks([[7, 8]])).toEqual([7, 8, NO_ARM, NO_ARM]);
  expect(STACKS.length).toBe(16);
});

test('the stack of a pick and an input comes without filling, also a full and an empty one', () => {
  expect([0, 1].map((pick) => [0, 1].map((input) => stackOf(STACKS, pick, input, 2)))).toEqual([
    [[2], [0, 1]],
    [[], [3, 2, 1, 0]],
  ]);
});

test('mutators are named by input, in the order in which they are applied', () => {
  const arms = ['x', 'y'].map((input) => [0, 1, 2, 3].map((arm) => ({ name: `${input}${arm}` })));
  expect(mutatorNames(STACKS, 0, ['image', 'mask'], arms)).toEqual(['image:x2', 'mask:y0', 'mask:y1']);
});
