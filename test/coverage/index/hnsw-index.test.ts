import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { HnswIndex } from '../../../src/coverage/index/hnsw-index.ts';
import { ExactIndex } from '../../support/brute-force-index.ts';
import { flipBit } from '../../support/damage.ts';
import { testFolder } from '../../support/folder.ts';
import { randomVectors } from '../../support/observations.ts';

const folder = testFolder();

describe('the HNSW index', () => {
  test('is infinitely far while empty, and finds the nearest after', () => {
    const index = new HnswIndex(2);
    expect(index.nearest(Float32Array.of(0, 0))).toBe(Number.POSITIVE_INFINITY);
    expect(index.nearestEntry(Float32Array.of(0, 0))).toBe(-1);
    index.add(Float32Array.of(3, 4));
    index.add(Float32Array.of(-1, 0));
    expect(index.nearest(Float32Array.of(0, 0))).toBe(1);
    expect(index.nearest(Float32Array.of(9, 9, 3, 3, 9), 2)).toBe(1);
    expect(index.nearestEntry(Float32Array.of(9, 9, 3, 3, 9), 2)).toBe(0);
    expect(index.nearestEntry(Float32Array.of(0, 0))).toBe(1);
    expect(index.size).toBe(2);
  });

  test('gives finite distances of the largest numbers, and tells the near from the far', () => {
    const index = new HnswIndex(3);
    index.add(Float32Array.of(1, 2, 3));
    index.add(Float32Array.of(-3.4e38, 3.4e38, 3.4e38));
    expect(index.nearest(Float32Array.of(-3.4e38, 3.4e38, 3.4e38))).toBe(0);
    expect(index.nearest(Float32Array.of(3.4e38, -3.4e38, -3.4e38))).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(index.nearest(Float32Array.of(1, 2, 4))).toBe(1);
  });

  test('finds the true nearest for 99 of 100 queries, also after it has grown past its first size', () => {
    const exact = new ExactIndex();
    const approximate = new HnswIndex(10);
    for (const vector of randomVectors(6000, 10, 'stored')) {
      exact.add(vector);
      approximate.add(vector);
    }
    const queries = randomVectors(400, 10, 'queries');
    const right = queries.filter(
      (query) => Math.abs(approximate.nearest(query) / exact.nearest(query) - 1) < 1e-4,
    );
    expect(right.length / queries.length).toBeGreaterThanOrEqual(0.99);
  });

  test('gives equal answers for equal insertions in equal order', () => {
    const build = () => {
      const index = new HnswIndex(10);
      for (const vector of randomVectors(5000, 10, 'same')) index.add(vector);
      return randomVectors(200, 10, 'asked').map((query) => index.nearest(query));
    };
    expect(build()).toEqual(build());
  });

  test('answers alike from a shared snapshot, after taking snapshots of its own, and after growing all along', () => {
    const vectors = randomVectors(2600, 10, 'sealed');
    const shared = { folder: join(folder, 'snapshots'), interval: 500 };
    const grown = new HnswIndex(10, { ...shared, isWriter: true });
    const apart = new HnswIndex(10, { interval: 500 });
    for (const vector of vectors) {
      grown.add(vector);
      apart.add(vector);
    }
    expect(readdirSync(shared.folder).sort()).toEqual([
      'index-2000.hnsw',
      'index-2000.hnsw.crc32',
      'index-2500.hnsw',
      'index-2500.hnsw.crc32',
    ]);
    const late = new HnswIndex(10, shared);
    expect(late.loadPrefix(2499)).toBe(2000);
    for (const vector of vectors.slice(2000)) late.add(vector);
    const [grownAnswers, ...others] = [grown, apart, late].map((index) =>
      randomVectors(300, 10, 'q').map((query) => index.nearest(query)),
    );
    expect(others).toEqual([grownAnswers, grownAnswers]);
    expect(late.size).toBe(2600);
    flipBit(join(shared.folder, 'index-2500.hnsw'), 100_000);
    const wary = new HnswIndex(10, shared);
    expect(wary.loadPrefix(2600)).toBe(2000);
    for (const vector of vectors.slice(2000)) wary.add(vector);
    expect(randomVectors(300, 10, 'q').map((query) => wary.nearest(query))).toEqual(grownAnswers);
  });
});
