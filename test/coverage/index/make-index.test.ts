import { expect, test } from '@jest/globals';
import { HnswIndex } from '../../../src/coverage/index/hnsw-index.ts';
import { makeNeighbourIndex } from '../../../src/coverage/index/make-index.ts';
import { SortedIndex } from '../../../src/coverage/index/sorted-index.ts';

test('single numbers have a sorted index, vectors HNSW', () => {
  expect(makeNeighbourIndex(1)).toBeInstanceOf(SortedIndex);
  expect(makeNeighbourIndex(2)).toBeInstanceOf(HnswIndex);
});
