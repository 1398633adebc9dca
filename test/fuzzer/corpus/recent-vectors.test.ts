import { expect, test } from '@jest/globals';
import { RecentVectors } from '../../../src/fuzzer/corpus/recent-vectors.ts';

/** Vectors of two numbers, each its index and the negative of it. */
function filled(count: number): RecentVectors {
  const vectors = new RecentVectors();
  for (let i = 0; i < count; i++) vectors.append(Float32Array.of(i, -i));
  return vectors;
}

test('keeps vectors side by side, however many there are', () => {
  const vectors = filled(3000);
  expect([vectors.width, vectors.first]).toEqual([2, 0]);
  expect([...vectors.slice(2998, 3000)]).toEqual([2998, -2998, 2999, -2999]);
});

test('drops the oldest where they are more than so many bytes, and counts on', () => {
  const vectors = filled(3000);
  vectors.dropBefore(1000, 8000);
  expect(vectors.first).toBe(0);
  vectors.dropBefore(1001, 8000);
  expect(vectors.first).toBe(1001);
  vectors.append(Float32Array.of(3000, -3000));
  expect([...vectors.slice(1001, 1002)]).toEqual([1001, -1001]);
  expect([...vectors.slice(2999, 3001)]).toEqual([2999, -2999, 3000, -3000]);
  vectors.dropBefore(3001, 0);
  expect(vectors.slice(3001, 3001)).toHaveLength(0);
  vectors.append(Float32Array.of(3001, 1));
  expect([...vectors.slice(3001, 3002)]).toEqual([3001, 1]);
});
