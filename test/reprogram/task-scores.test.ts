import { expect, test } from '@jest/globals';
import {
  accuracyOf,
  bitsOf,
  chanceOf,
  differenceOf,
  mappedAnswers,
} from '../../src/reprogram/task-scores.ts';

test('answers are the labels whose classes have the largest share together', () => {
  const map = [[0, 1], [2]];
  const logits = [Float64Array.of(1, 1, 1.5), Float64Array.of(0, 0, 1.5)];
  expect(mappedAnswers(logits, map)).toEqual([0, 1]);
  expect(accuracyOf([0, 1, 1], [0, 1, 0])).toBeCloseTo(2 / 3, 12);
  expect(chanceOf([0, 1, 1, 2])).toBe(0.5);
});

test('the interval of a difference is that of Newcombe (1998, method 10)', () => {
  // His first example: 56 of 70 against 48 of 80 would have other sizes; with 70 rows of each, by hand from Wilson's intervals.
  const wilson = (p: number, n: number): readonly [number, number] => {
    const z2 = 1.959963984540054 ** 2;
    const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    const half = (Math.sqrt(z2) / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
    return [centre - half, centre + half];
  };
  const [first, second] = [wilson(0.8, 70), wilson(0.6, 70)];
  const { value, low, high } = differenceOf(0.8, 0.6, 70);
  expect(value).toBeCloseTo(0.2, 12);
  expect(low).toBeCloseTo(0.2 - Math.sqrt((0.8 - first[0]) ** 2 + (second[1] - 0.6) ** 2), 10);
  expect(high).toBeCloseTo(0.2 + Math.sqrt((first[1] - 0.8) ** 2 + (0.6 - second[0]) ** 2), 10);
  expect(low).toBeGreaterThan(0);
  expect(differenceOf(0.55, 0.55, 1000).low).toBeLessThan(0);
});

test('bits: one for a right answer of two labels, none for answers that do not depend on the label', () => {
  const labels = Array.from({ length: 4000 }, (_, i) => i % 2);
  // The correction takes (4 − 2 − 2 + 1) / 2n away where all pairs occur.
  expect(bitsOf(labels, labels)).toBeCloseTo(1 + 1 / (2 * 4000 * Math.LN2), 10);
  const independent = labels.map((_, i) => Math.floor(i / 2) % 2);
  expect(bitsOf(independent, labels)).toBe(0);
  expect(
    bitsOf(
      labels.map(() => 0),
      labels,
    ),
  ).toBe(0);
});
