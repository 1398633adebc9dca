import { expect, test } from '@jest/globals';
import { compared, outputPair } from '../../support/output-pairs.ts';

const ids = (reference: readonly number[], copy: readonly number[]) => [
  outputPair('ids', [reference.length], reference, copy, 'int64'),
];

test('texts lie as many edits apart as tokens are inserted, deleted and replaced', () => {
  const pairs = ids([5, 6, 7, 8, 9], [5, 7, 8, 4, 9]);
  const { distances, violation } = compared('tokens', pairs);
  expect(distances).toEqual([2]);
  expect(violation).toMatchObject({
    summary: 'the texts of ids differ by 2 edits; they have 5 and 5 tokens',
    details: { edits: 2, share: 0.4, reference: [5, 6, 7, 8, 9], copy: [5, 7, 8, 4, 9] },
  });
  expect(compared('tokens:edits=2', pairs).violation).toBeUndefined();
  expect(compared('tokens:share=0.4', pairs).violation).toBeUndefined();
  expect(compared('tokens:share=0.39', pairs).violation).toBeDefined();
});

test('what follows the end does not count, nor padding', () => {
  expect(compared('tokens:end=2', ids([5, 2, 8, 8], [5, 2, 9, 9])).violation).toBeUndefined();
  expect(compared('tokens:pad=0', ids([5, 0, 0, 6], [5, 6, 0, 0])).violation).toBeUndefined();
  expect(compared('tokens', ids([5, -1], [5, -1])).violation).toBeUndefined();
});

test('scores for each token of a vocabulary give the best one at each position', () => {
  const scores = [outputPair('logits', [2, 3], [9, 0, 0, 0, 9, 0], [9, 0, 0, 0, 0, 9])];
  expect(compared('tokens', scores).violation?.details).toMatchObject({ reference: [0, 1], copy: [0, 2] });
  expect(compared('tokens', [outputPair('y', [3], [1, 2, 3], [1, 2, 3])]).refusal).toContain(
    'needs an output of token ids',
  );
});
