import { expect, test } from '@jest/globals';
import { classLoss, evenLoss, type LogitLoss, mappedLoss, mappedScores } from '../../src/reprogram/losses.ts';

const logits = Float64Array.of(0.5, -1, 2, 0.25, 0.1);
const map = [[0, 3], [2]];

const cases: readonly (readonly [string, LogitLoss])[] = [
  ['one class', classLoss(2)],
  ['equal shares', evenLoss()],
  ['labels', mappedLoss(map, [1, 0])],
];

test.each(cases)('the gradient of %s is that of differences', (_, lossOf) => {
  for (const row of [0, 1]) {
    const { gradient } = lossOf(logits, row);
    for (let k = 0; k < logits.length; k++) {
      const at = (by: number): number =>
        lossOf(
          logits.map((x, i) => (i === k ? x + by : x)),
          row,
        ).loss;
      expect(gradient[k]).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 6);
    }
  }
});

test('the cross-entropy of a class, and of labels whose classes share it', () => {
  const shares = Array.from(logits, Math.exp);
  const total = shares.reduce((sum, share) => sum + share, 0);
  expect(classLoss(2)(logits, 0).loss).toBeCloseTo(-Math.log(shares[2] / total), 12);
  const ofLabels = [shares[0] + shares[3], shares[2]];
  expect(Array.from(mappedScores(logits, map), Math.exp)).toEqual(
    ofLabels.map((share) => expect.closeTo(share, 10)),
  );
  expect(mappedLoss(map, [1])(logits, 0).loss).toBeCloseTo(
    -Math.log(ofLabels[1] / (ofLabels[0] + ofLabels[1])),
    12,
  );
  // Classes of no label do not count.
  expect([1, 4].map((k) => mappedLoss(map, [1])(logits, 0).gradient[k])).toEqual([0, 0]);
});

test('equal shares lose the least where all logits are equal', () => {
  const even = evenLoss()(new Float64Array(5).fill(3), 0);
  expect(even.loss).toBeCloseTo(Math.log(5), 12);
  expect(evenLoss()(logits, 0).loss).toBeGreaterThan(even.loss);
});
