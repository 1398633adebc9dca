import { describe, expect, test } from '@jest/globals';
import { classOverlaps } from '../../../src/objectives/comparators/masks.ts';
import { compared, outputPair } from '../../support/output-pairs.ts';

/** Scores of two classes for 4×4 pixels, channels first: class 1 where the mask is set. */
const scoresOf = (mask: readonly number[]): number[] => [...mask.map((bit) => 1 - bit), ...mask];
const EMPTY = new Array<number>(16).fill(0);
const square = (size: number): number[] =>
  EMPTY.map((_, i) => Number(i % 4 < size && Math.floor(i / 4) < size));

describe('masks', () => {
  test('overlap by the mean over their classes', () => {
    // Class 1 has 4 and 9 pixels, 4 in both; class 0 has 12 and 7, 7 in both.
    const mean = (4 / 9 + 7 / 12) / 2;
    const pairs = [outputPair('seg', [2, 4, 4], scoresOf(square(2)), scoresOf(square(3)))];
    const { distances, violation } = compared('masks', pairs);
    expect(distances[0]).toBeCloseTo(1 - mean, 12);
    expect(violation).toMatchObject({
      summary:
        'the masks of seg have a mean overlap of 0.5139 over 2 classes, least in class 1: 4 pixels in A, 9 in B and 4 in both',
      details: { class: 1, iou: 4 / 9, pixels: { reference: 4, copy: 9, both: 4 } },
    });
    expect(compared('masks:iou=0.5', pairs).violation).toBeUndefined();
    expect(compared('masks:iou=0.5:of=worst', pairs).violation).toBeDefined();
  });

  test('are read with channels first or last, of whole numbers as they are, of one channel by a threshold', () => {
    const interleaved = (mask: readonly number[]): number[] => mask.flatMap((bit) => [1 - bit, bit]);
    const distanceOf = (
      setting: string,
      shape: readonly number[],
      a: number[],
      b: number[],
      isWhole = false,
    ) => compared(setting, [outputPair('seg', shape, a, b, isWhole ? 'int64' : 'float32')]).distances[0];
    const expected = 1 - (4 / 9 + 7 / 12) / 2;
    const [small, large] = [square(2), square(3)];
    expect(distanceOf('masks', [4, 4, 2], interleaved(small), interleaved(large))).toBeCloseTo(expected, 12);
    expect(distanceOf('masks:layout=last', [4, 4, 2], interleaved(small), interleaved(large))).toBeCloseTo(
      expected,
      12,
    );
    expect(distanceOf('masks', [4, 4], small, large, true)).toBeCloseTo(expected, 12);
    expect(distanceOf('masks', [1, 4, 4], small, large)).toBeCloseTo(expected, 12);
    const logits = (mask: readonly number[]): number[] => mask.map((bit) => 8 * bit - 4);
    expect(distanceOf('masks:threshold=0', [4, 4], logits(small), logits(large))).toBeCloseTo(expected, 12);
  });

  test('with the same classes are equal, and a class of one side alone has no overlap', () => {
    expect(classOverlaps(Int32Array.of(7, 7), Int32Array.of(7, 7)).map(({ iou }) => iou)).toEqual([1]);
    expect(classOverlaps(Int32Array.of(1, 1), Int32Array.of(1, 2))).toEqual([
      { classIndex: 1, reference: 2, copy: 1, both: 1, iou: 0.5 },
      { classIndex: 2, reference: 0, copy: 1, both: 0, iou: 0 },
    ]);
  });

  test('need pixels', () => {
    expect(compared('masks', [outputPair('y', [4], EMPTY.slice(0, 4), EMPTY.slice(0, 4))]).refusal).toContain(
      'needs an output with a value for each pixel',
    );
  });
});
