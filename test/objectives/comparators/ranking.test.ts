import { expect, test } from '@jest/globals';
import { compared, outputPair } from '../../support/output-pairs.ts';

const scores = (reference: readonly number[], copy: readonly number[], shape = [reference.length]) => [
  outputPair('scores', shape, reference, copy),
];

test('the best k must be the same to a share, in any order', () => {
  const pairs = scores([5, 4, 3, 2, 1], [4, 5, 1, 2, 3]);
  expect(compared('ranking:k=2:overlap=1', pairs).violation).toBeUndefined();
  const { violation, distances } = compared('ranking:k=4:overlap=0.8', pairs);
  expect(distances).toEqual([0.25]);
  expect(violation).toMatchObject({
    summary: 'the top 4 of scores are 0, 1, 2, 3 in A and 1, 0, 4, 3 in B: 75 % are in both',
    details: { overlap: 0.75, least: 0.8, k: 4, reference: [0, 1, 2, 3], copy: [1, 0, 4, 3] },
  });
});

test('the order of all must correlate, where that is asked for, instead of the best k or beside them', () => {
  const pairs = scores([5, 4, 3, 2, 1], [5, 4, 3, 1, 2]);
  expect(compared('ranking:tau=0.8', pairs)).toMatchObject({
    violation: undefined,
    distances: [expect.closeTo(0.2)],
  });
  expect(compared('ranking:tau=0.9', pairs).violation).toMatchObject({
    summary: 'scores ranks differently in A and in B: rank correlation 0.8',
    details: { least: 0.9 },
  });
  expect(compared('ranking:tau=0.9:overlap=1:k=3', pairs).distances).toEqual([0, expect.closeTo(0.2)]);
});

test('of several positions the one with the least in common counts', () => {
  const pairs = scores([3, 2, 1, 3, 2, 1], [3, 2, 1, 1, 2, 3], [2, 3]);
  expect(compared('ranking:k=1:overlap=1', pairs).violation?.details).toMatchObject({
    reference: [0],
    copy: [2],
  });
});

test('needs several scores', () => {
  expect(compared('ranking', scores([1], [2])).refusal).toContain('needs an output of several scores');
});
