import { HnswIndex, hnswBytesPerVector, type SnapshotOptions } from './hnsw-index.ts';
import type { NeighbourIndex } from './neighbour-index.ts';
import { SORTED_BYTES_PER_NUMBER, SortedIndex } from './sorted-index.ts';

/** The index that suits vectors of a width: an exact one for single numbers, HNSW for all others. */
export function makeNeighbourIndex(width: number, snapshots?: SnapshotOptions): NeighbourIndex {
  return width === 1 ? new SortedIndex() : new HnswIndex(width, snapshots);
}

/** Bytes that a vector of a width takes in its index. */
export function indexBytesPerVector(width: number): number {
  return width === 1 ? SORTED_BYTES_PER_NUMBER : hnswBytesPerVector(width);
}
