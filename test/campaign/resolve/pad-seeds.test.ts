import { expect, test } from '@jest/globals';
import { padSeeds } from '../../../src/campaign/resolve/pad-seeds.ts';
import { testcaseOf } from '../../support/tasks.ts';

const SEEDS = [testcaseOf([4, 5], 'int32'), testcaseOf([6], 'int32'), testcaseOf([7, 8, 9], 'int32')];

test('seeds are padded to the longest of them, and share a shape', () => {
  const padded = padSeeds(SEEDS, [{ padId: -1, length: undefined }]);
  expect(padded.map(({ inputs }) => [...inputs[0]])).toEqual([
    [4, 5, -1],
    [6, -1, -1],
    [7, 8, 9],
  ]);
  expect(new Set(padded.map(({ form }) => form)).size).toBe(1);
});

test('where more tokens are allowed, seeds are padded to that', () => {
  const [seed] = padSeeds(SEEDS, [{ padId: 0, length: [1, 5] }]);
  expect([...seed.inputs[0]]).toEqual([4, 5, 0, 0, 0]);
});

test('inputs without a padding id are left as they are', () => {
  expect(padSeeds(SEEDS, [{ padId: undefined, length: [1, 5] }])).toBe(SEEDS);
  expect(padSeeds(SEEDS, [undefined])).toBe(SEEDS);
});
