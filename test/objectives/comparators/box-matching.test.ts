import { describe, expect, test } from '@jest/globals';
import {
  type Box,
  intersectionOverUnion,
  largestRankShift,
  matchBoxes,
} from '../../../src/objectives/comparators/box-matching.ts';

const box = (corners: Box['corners'], score = 0.9, label = 0, index = 0): Box => ({
  corners,
  score,
  label,
  index,
});

describe('the overlap of boxes', () => {
  test('is intersection over union', () => {
    const square = box([0, 0, 2, 2]);
    expect(intersectionOverUnion(square, square)).toBe(1);
    expect(intersectionOverUnion(square, box([1, 0, 3, 2]))).toBeCloseTo(1 / 3, 12);
    expect(intersectionOverUnion(square, box([2, 0, 4, 2]))).toBe(0);
    expect(intersectionOverUnion(square, box([5, 5, 6, 6]))).toBe(0);
  });

  test('of boxes without an area is 1 where they are equal', () => {
    expect(intersectionOverUnion(box([1, 1, 1, 1]), box([1, 1, 1, 1]))).toBe(1);
    expect(intersectionOverUnion(box([1, 1, 1, 1]), box([2, 2, 2, 2]))).toBe(0);
  });
});

describe('matching', () => {
  test('gives each box, by falling score, the free one of its label that overlaps it most', () => {
    const reference = [box([0, 0, 10, 10], 0.8, 1, 0), box([1, 0, 11, 10], 0.9, 1, 1)];
    const copy = [box([1, 0, 11, 10], 0.9, 1, 0), box([0, 0, 10, 9], 0.7, 1, 1)];
    const { matches, missing, extra } = matchBoxes(reference, copy, 0.5, 0.5);
    expect(matches.map((match) => [match.reference.index, match.copy.index])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect([missing, extra]).toEqual([[], []]);
  });

  test('leaves boxes of another label and such that overlap too little, on either side', () => {
    const reference = [box([0, 0, 10, 10], 0.9, 1, 0)];
    expect(matchBoxes(reference, [box([0, 0, 10, 10], 0.9, 2, 3)], 0.5, 0.5)).toMatchObject({
      matches: [],
      missing: [{ index: 0 }],
      extra: [{ index: 3 }],
    });
    const away = [box([6, 0, 16, 10], 0.9, 1, 0)];
    expect(matchBoxes(reference, away, 0.5, 0.5).missing).toHaveLength(1);
    expect(matchBoxes(reference, away, 0.2, 0.5).missing).toHaveLength(0);
  });

  test('does not lose a box whose score crosses the bound, and asks for none below it', () => {
    const at = (score: number) => [box([0, 0, 10, 10], score, 1, 0)];
    const unmatchedOf = (a: number, b: number): number => {
      const { missing, extra } = matchBoxes(at(a), at(b), 0.5, 0.5);
      return missing.length + extra.length;
    };
    expect([unmatchedOf(0.51, 0.49), unmatchedOf(0.49, 0.51), unmatchedOf(0.9, 0.2)]).toEqual([0, 0, 1]);
    expect(matchBoxes(at(0.4), [], 0.5, 0.5).missing).toEqual([]);
  });
});

test('the shift of ranks is the most places that a matched box moves', () => {
  const match = (a: number, b: number, index: number) => ({
    reference: box([0, 0, 1, 1], a, 0, index),
    copy: box([0, 0, 1, 1], b, 0, index),
    iou: 1,
  });
  expect(largestRankShift([match(0.9, 0.9, 0), match(0.8, 0.8, 1)])).toBe(0);
  expect(largestRankShift([match(0.9, 0.1, 0), match(0.8, 0.8, 1), match(0.7, 0.7, 2)])).toBe(2);
  expect(largestRankShift([])).toBe(0);
});
