import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { drawNormal, randomStream } from '../../../src/core/random.ts';
import { PROJECTED_WIDTH } from '../../../src/coverage/criteria/random-projection.ts';
import { HnswIndex } from '../../../src/coverage/index/hnsw-index.ts';
import { isFiniteVector, squaredDistance } from '../../../src/coverage/index/neighbour-index.ts';
import { SortedIndex } from '../../../src/coverage/index/sorted-index.ts';
import { NoveltyThreshold } from '../../../src/coverage/novelty-threshold.ts';
import { makeCriterion, makeNeighbourIndex } from '../../../src/coverage/registry.ts';
import type { BatchResult } from '../../../src/model/batched-model.ts';
import { ExactIndex } from '../../support/brute-force-index.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

const vectors = (count: number, width: number, seed: string): Float32Array[] => {
  const random = randomStream(seed);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: width }, () => 10 * drawNormal(random)),
  );
};

test('squared distances are as worked out by hand', () => {
  expect(squaredDistance(Float32Array.of(9, 1, 2), 1, Float32Array.of(4, 6))).toBe(25);
  expect(isFiniteVector(Float32Array.of(1, Number.NaN, 3), 0, 3)).toBe(false);
  expect(isFiniteVector(Float32Array.of(1, Number.NaN, 3), 2, 1)).toBe(true);
  expect(isFiniteVector(Float32Array.of(Number.NEGATIVE_INFINITY), 0, 1)).toBe(false);
});

test.each([
  ['exact', new ExactIndex()],
  ['hnsw', new HnswIndex(2)],
])('the %s index is infinitely far while empty and finds the nearest after', (_, index) => {
  expect(index.nearest(Float32Array.of(0, 0))).toBe(Number.POSITIVE_INFINITY);
  index.add(Float32Array.of(3, 4));
  index.add(Float32Array.of(-1, 0));
  expect(index.nearest(Float32Array.of(0, 0))).toBe(1);
  expect(index.nearest(Float32Array.of(3, 3))).toBe(1);
  expect(index.size).toBe(2);
});

test('hnsw finds the true nearest for 99 of 100 queries, also after it has grown past its first size', () => {
  const stored = vectors(6000, 10, 'stored');
  const exact = new ExactIndex();
  const approximate = new HnswIndex(10);
  for (const vector of stored) {
    exact.add(vector);
    approximate.add(vector);
  }
  const queries = vectors(400, 10, 'queries');
  const right = queries.filter(
    (query) => Math.abs(approximate.nearest(query) / exact.nearest(query) - 1) < 1e-4,
  );
  expect(right.length / queries.length).toBeGreaterThanOrEqual(0.99);
});

test('equal insertions in equal order give equal answers', () => {
  const build = () => {
    const index = new HnswIndex(10);
    for (const vector of vectors(5000, 10, 'same')) index.add(vector);
    return vectors(200, 10, 'asked').map((query) => index.nearest(query));
  };
  expect(build()).toEqual(build());
});

test('an index that starts from a sealed file answers as one that grew all along, and as one that sealed by itself', () => {
  const all = vectors(2600, 10, 'sealed');
  const sealing = { folder: join(folder, 'seals'), every: 500 };
  const grown = new HnswIndex(10, { ...sealing, isWriter: true });
  const apart = new HnswIndex(10, { interval: 500 });
  for (const vector of all) {
    grown.add(vector);
    apart.add(vector);
  }
  expect(readdirSync(sealing.folder).sort()).toEqual(['index-2000.hnsw', 'index-2500.hnsw']);
  const late = new HnswIndex(10, sealing);
  expect(late.loadPrefix(2499)).toBe(2000);
  for (const vector of all.slice(2000)) late.add(vector);
  const answers = [grown, apart, late].map((index) =>
    vectors(300, 10, 'q').map((query) => index.nearest(query)),
  );
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  const never = new HnswIndex(10, { interval: 10_000 });
  for (const vector of all) never.add(vector);
  expect(late.size).toBe(never.size);
});

describe('wide activations', () => {
  const width = 5000;
  const result = (rows: Float32Array[]): BatchResult => ({
    rows: rows.length,
    inputs: [],
    outputs: [],
    activations: [
      {
        name: 'a',
        type: 'float32',
        size: width,
        shape: [width],
        data: Float32Array.from(rows.flatMap((row) => [...row])),
      },
    ],
  });
  const rows = vectors(40, width, 'wide');
  // As after a relu: most values are zero, and neighbours are alike.
  const sparse = rows.map((row) => row.map((value, i) => (i % 7 === 0 ? Math.max(0, value) : 0)));

  test.each([
    ['dense', rows],
    ['sparse', sparse],
  ])('are projected so that squared distances of %s ones are kept to some 18 %', (_, some) => {
    const projected = makeCriterion('values', { seed: 'seed', varying: false }).observe(result(some));
    expect(projected.length).toBe(40 * PROJECTED_WIDTH);
    const ratios: number[] = [];
    for (let a = 0; a < 40; a++) {
      for (let b = 0; b < a; b++) {
        const short = squaredDistance(
          projected,
          a * PROJECTED_WIDTH,
          projected.subarray(b * PROJECTED_WIDTH, (b + 1) * PROJECTED_WIDTH),
        );
        ratios.push(short / squaredDistance(some[a], 0, some[b]));
      }
    }
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    const deviation = Math.sqrt(ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / ratios.length);
    expect(Math.abs(mean - 1)).toBeLessThan(0.1);
    expect(deviation).toBeLessThan(0.25);
  });

  test('are projected by the seed alone, and what is not finite stays so', () => {
    const one = makeCriterion('values', { seed: 'seed', varying: false }).observe(result(rows));
    expect(makeCriterion('values', { seed: 'seed', varying: false }).observe(result(rows))).toEqual(one);
    expect(makeCriterion('values', { seed: 'other', varying: false }).observe(result(rows))).not.toEqual(one);
    const broken = rows[0].slice();
    broken[17] = Number.NaN;
    const projected = makeCriterion('values', { seed: 'seed', varying: false }).observe(
      result([broken, rows[1]]),
    );
    expect(isFiniteVector(projected, 0, PROJECTED_WIDTH)).toBe(false);
    expect(isFiniteVector(projected, PROJECTED_WIDTH, PROJECTED_WIDTH)).toBe(true);
  });
});

test('the line index agrees with the exact one on any numbers', () => {
  const numbers = fc.array(
    fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e6), max: Math.fround(1e6) }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(numbers, numbers, (stored, asked) => {
      const line = new SortedIndex();
      const exact = new ExactIndex();
      for (const value of stored) {
        line.add(Float32Array.of(value));
        exact.add(Float32Array.of(value));
      }
      for (const value of asked)
        expect(line.nearest(Float32Array.of(value))).toBe(exact.nearest(Float32Array.of(value)));
    }),
  );
});

test('the line index grows past its first size', () => {
  const line = new SortedIndex();
  for (let i = 0; i < 3000; i++) line.add(Float32Array.of((i * 7919) % 3000));
  expect(line.size).toBe(3000);
  expect(line.nearest(Float32Array.of(1234.25))).toBeCloseTo(0.0625, 6);
});

test('single numbers go to the line, vectors to hnsw', () => {
  expect(makeNeighbourIndex(1)).toBeInstanceOf(SortedIndex);
  expect(makeNeighbourIndex(2)).toBeInstanceOf(HnswIndex);
});

describe('measures', () => {
  const result: BatchResult = {
    rows: 2,
    inputs: [],
    outputs: [],
    activations: [
      { name: 'a', type: 'float32', size: 2, shape: [2], data: Float32Array.of(3, 4, -6, 8) },
      { name: 'b', type: 'int32', size: 1, shape: [], data: Int32Array.of(-2, 5) },
    ],
  };

  test('values joins the tensors row by row', () => {
    expect([...makeCriterion('values', { seed: 'seed', varying: false }).observe(result)]).toEqual([
      3, 4, -2, -6, 8, 5,
    ]);
  });

  test('norm gives the length of each tensor', () => {
    expect([...makeCriterion('norm', { seed: 'seed', varying: false }).observe(result)]).toEqual([
      5, 2, 10, 5,
    ]);
  });

  test('a threshold from steps: the 99 % quantile of all values, a twenty-fifth of the median of one norm, the median of several', () => {
    const walk = Array.from({ length: 1000 }, (_, i) => ({
      from: Float32Array.of(0),
      vector: Float32Array.of(Math.sqrt(i + 1)),
    }));
    expect(makeCriterion('values', { seed: 'seed', varying: false }).calibrate(walk)).toBeCloseTo(991, 2);
    expect(makeCriterion('norm', { seed: 'seed', varying: false }).calibrate(walk)).toBeCloseTo(501 / 25, 2);
    const plane = walk.map(({ vector }) => ({
      from: Float32Array.of(0, 0),
      vector: Float32Array.of(0, vector[0]),
    }));
    expect(makeCriterion('norm', { seed: 'seed', varying: false }).calibrate(plane)).toBeCloseTo(501, 2);
    expect(
      makeCriterion('norm', { seed: 'seed', varying: false }).calibrate([
        { from: Float32Array.of(1), vector: Float32Array.of(1) },
      ]),
    ).toBeUndefined();
  });
});

describe('a threshold', () => {
  test('doubles when more than one mutant in a hundred is kept, and halves when none is', () => {
    const threshold = new NoveltyThreshold(4, true);
    threshold.observe(9_999, 500);
    expect(threshold.value).toBe(4);
    const adapted = threshold.observe(1, 0);
    expect(adapted).toEqual({ threshold: 8, why: '500 of the last 10000 mutants were kept' });
    expect(threshold.value).toBe(8);
    threshold.observe(10_000, 100);
    expect(threshold.value).toBe(8);
    threshold.observe(10_000, 0);
    expect(threshold.value).toBe(4);
  });

  test('goes on from where it was saved', () => {
    const [whole, first, second] = [1, 2, 3].map(() => new NoveltyThreshold(4, true));
    whole.observe(6_000, 300);
    first.observe(6_000, 300);
    second.restore(JSON.parse(JSON.stringify(first.save())));
    for (const threshold of [whole, second]) threshold.observe(6_000, 0);
    expect(second.save()).toEqual(whole.save());
    expect(second.value).toBe(8);
  });

  test('where results are on the way for long, those judged by another value move it no further', () => {
    const [delayed, prompt] = [true, false].map((isDelayed) => new NoveltyThreshold(4, true, isDelayed));
    for (const threshold of [delayed, prompt])
      for (let task = 0; task < 5; task++) threshold.observe(10_000, 0, 4);
    expect([delayed.value, prompt.value]).toEqual([2, 4 / 32]);
    delayed.observe(10_000, 500, 2);
    expect(delayed.value).toBe(4);
  });

  test('that the user set stays', () => {
    const threshold = new NoveltyThreshold(4, false);
    threshold.observe(100_000, 50_000);
    expect(threshold.value).toBe(4);
  });
});
