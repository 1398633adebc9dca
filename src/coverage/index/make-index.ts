import { HnswIndex, type SnapshotOptions } from './hnsw-index.ts';
import type { NeighbourIndex } from './neighbour-index.ts';
import { SortedIndex } from './sorted-index.ts';

/** The index that suits vectors of a width: an exact one for single numbers, HNSW for all others. */
export function makeNeighbourIndex(width: number, snapshots?: SnapshotOptions): NeighbourIndex {
  return width === 1 ? new SortedIndex() : new HnswIndex(width, snapshots);
}
