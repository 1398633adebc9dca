import { describe, expect, test } from '@jest/globals';
import { MAX_MARGINS } from '../../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../../src/objectives/registry.ts';
import { compared, outputPair, pairResult } from '../../support/output-pairs.ts';

const TWO = [0, 0, 10, 10, 20, 20, 30, 30];

/** Two boxes, the second of the copy moved to the right. */
const detections = (
  moved: number,
  labels: readonly number[] = [1, 2],
  scores: readonly number[] = [0.9, 0.8],
) => [
  outputPair('dets', [2, 4], TWO, [0, 0, 10, 10, 20 + moved, 20, 30 + moved, 30]),
  outputPair('labels', [2], [1, 2], labels, 'int64'),
  outputPair('conf', [2], [0.9, 0.8], scores),
];

describe('detections', () => {
  test('are alike where each box has its like', () => {
    expect(compared('boxes', detections(0))).toMatchObject({ refusal: undefined, distances: [0, 0] });
    // 7 of 13 columns are in both.
    expect(compared('boxes', detections(3)).distances).toEqual([0, expect.closeTo(1 - 7 / 13)]);
    expect(compared('boxes', detections(3)).violation).toBeUndefined();
  });

  test('miss a box that lies elsewhere or has another label', () => {
    const { violation, output } = compared('boxes', detections(4));
    expect(output).toBe('dets');
    expect(violation).toMatchObject({
      summary:
        '2 boxes of dets have no match: box 1 in A, of class 2 and score 0.8, overlaps the nearest by 0.429 in B',
      details: {
        matched: 1,
        missing: [{ index: 1, label: 2 }],
        extra: [{ index: 1, corners: [24, 20, 34, 30] }],
      },
    });
    expect(compared('boxes:unmatched=2', detections(4)).violation).toBeUndefined();
    expect(compared('boxes:iou=0.4', detections(4)).violation).toBeUndefined();
    expect(compared('boxes', detections(0, [1, 3])).violation?.summary).toContain(
      'overlaps none of its label',
    );
  });

  test('may have to keep the order of their scores', () => {
    const swapped = detections(0, [1, 2], [0.6, 0.9]);
    expect(compared('boxes', swapped).violation).toBeUndefined();
    expect(compared('boxes:places=0', swapped).violation).toMatchObject({
      summary: 'a box of dets is ranked 1 place differently by score in B than in A',
      details: { places: 1 },
    });
  });

  test('are read from scores for each class, from one output with all, and in other formats', () => {
    const byClass = [
      outputPair('boxes', [2, 4], TWO, TWO),
      outputPair('scores', [2, 3], [0, 0.9, 0, 0, 0, 0.8], [0, 0.9, 0, 0, 0.8, 0]),
    ];
    expect(compared('boxes', byClass).violation?.summary).toContain('of class 2 and score 0.8');
    const packed = (label: number) => [0, 0, 10, 10, 0.9, label];
    const inOne = [outputPair('out', [1, 6], packed(4), packed(5))];
    expect(compared('boxes', inOne).violation?.summary).toContain('of class 4 and score 0.9');
    // The same box by its centre: moved by 4 of 10.
    const centres = [outputPair('b', [1, 4], [5, 5, 10, 10], [9, 5, 10, 10])];
    expect(compared('boxes:format=cxcywh', centres).distances[0]).toBe(2);
    expect(compared('boxes:format=cxcywh:iou=0.4', centres).distances[0]).toBe(0);
    const corners = [outputPair('b', [1, 4], [0, 0, 10, 10], [4, 0, 10, 10])];
    expect(compared('boxes:format=xywh', corners).distances[0]).toBe(2);
    expect(compared('boxes:format=yxyx:iou=0.5', corners).distances[0]).toBe(0);
  });

  test('need outputs that fit, or names of them', () => {
    const none = [outputPair('y', [10], new Array(10).fill(0), new Array(10).fill(0))];
    expect(compared('boxes', none).refusal).toContain('needs one output with four numbers for each box');
    const several = [
      outputPair('a', [1, 4], [0, 0, 1, 1], [0, 0, 1, 1]),
      outputPair('b', [1, 4], [0, 0, 1, 1], [5, 5, 6, 6]),
    ];
    expect(compared('boxes', several).refusal).toContain('name it, as by=boxes:boxes=dets');
    expect(compared('boxes:boxes=b', several).distances[0]).toBe(2);
    expect(compared('boxes:scores=q', several).refusal).toContain('has no output q');
  });
});

describe('the objective', () => {
  const marginsOf = (spec: string, moved: number): number[] => {
    const out = new Float64Array(MAX_MARGINS);
    const count = makeBuiltIn(spec).margins?.(pairResult(detections(moved)), 0, out) ?? 0;
    return [...out.subarray(0, count)];
  };
  const least = (moved: number): number => Math.min(...marginsOf('differential:by=boxes', moved));

  test('reports what the comparator finds, and what is not finite all the same', () => {
    const found: string[] = [];
    const objective = makeBuiltIn('differential:by=boxes');
    objective.judge(pairResult(detections(4)), (_row, { signature }) => found.push(signature));
    objective.judge(pairResult(detections(Number.NaN)), (_row, { signature }) => found.push(signature));
    objective.judge(pairResult(detections(1)), (_row, { signature }) => found.push(signature));
    expect(found).toEqual(['differential-boxes-dets', 'differential-nan-dets']);
  });

  test('judges by the class too where that is asked', () => {
    const classes = pairResult([outputPair('y', [2], [1, 0], [0, 1])]);
    const judge = (spec: string): number => {
      let count = 0;
      makeBuiltIn(spec).judge(classes, () => count++);
      return count;
    };
    expect([judge('differential:by=ranking:k=2'), judge('differential:by=ranking:k=2,top=1')]).toEqual([
      0, 1,
    ]);
  });

  test('has a margin that falls as boxes part, and is 0 where they are none', () => {
    expect(least(1)).toBeGreaterThan(least(3));
    expect(least(3)).toBeGreaterThan(0);
    expect(least(4)).toBe(0);
  });

  test('refuses outputs that it can’t compare so', () => {
    const classes = pairResult([outputPair('y', [2], [1, 0], [0, 1])]);
    expect(makeBuiltIn('differential:by=boxes').refuses?.(classes)).toContain(
      'needs one output with four numbers',
    );
    expect(makeBuiltIn('differential').refuses?.(classes)).toBeUndefined();
  });
});
