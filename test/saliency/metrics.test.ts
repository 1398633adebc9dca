import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { spearman, ssim } from '../../src/saliency/metrics.ts';

interface RecordedPair {
  readonly height: number;
  readonly width: number;
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly signed: number;
  readonly abs: number;
  readonly ssim: number;
}

// By test/fixtures/saliency/make-metrics.py.
const PAIRS = JSON.parse(readFileSync('test/fixtures/saliency/metrics.json', 'utf8')) as RecordedPair[];

describe('against SciPy and scikit-image', () => {
  test('there are twenty pairs, half of them with many ties', () => {
    expect(PAIRS).toHaveLength(20);
    expect(PAIRS.filter(({ a }) => new Set(a).size < a.length / 2)).toHaveLength(10);
  });

  test.each(PAIRS.map((pair, i) => [i, pair] as const))(
    'pair %i',
    (_, { height, width, a, b, ...recorded }) => {
      expect(Math.abs(spearman(a, b) - recorded.signed)).toBeLessThan(1e-6);
      expect(Math.abs(spearman(a.map(Math.abs), b.map(Math.abs)) - recorded.abs)).toBeLessThan(1e-6);
      expect(Math.abs((ssim(a, b, height, width) ?? Number.NaN) - recorded.ssim)).toBeLessThan(1e-6);
    },
  );
});

test('a map and itself: exactly 1, whatever its values', () => {
  for (const { a, height, width } of PAIRS) {
    expect(spearman(a, a)).toBe(1);
    expect(ssim(a, a, height, width)).toBe(1);
  }
});

test('a map and its opposite: −1 in ranks', () => {
  const [{ a }] = PAIRS;
  expect(
    spearman(
      a,
      a.map((value) => -value),
    ),
  ).toBe(-1);
});

test('a map of equal values, or with one that is not finite, counts 0', () => {
  const map = Array.from({ length: 49 }, (_, i) => i);
  for (const other of [map.map(() => 3), map.with(5, Number.NaN), map.with(5, Number.POSITIVE_INFINITY)]) {
    expect(spearman(map, other)).toBe(0);
    expect(spearman(other, map)).toBe(0);
  }
  expect(
    ssim(
      map,
      map.map(() => 0),
      7,
      7,
    ),
  ).toBe(0);
  expect(ssim(map, map.with(5, Number.NaN), 7, 7)).toBe(0);
});

test('−0 and 0 are a tie', () => {
  expect(spearman([0, -0, 1, 2], [-0, 0, 1, 2])).toBe(1);
});

test('pictures smaller than a window have no SSIM', () => {
  expect(ssim([1, 2, 3], [1, 2, 3], 1, 3)).toBeUndefined();
});
