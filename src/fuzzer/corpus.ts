import type { Lineage, TestcaseData } from '../campaign/testcase.ts';

/** A testcase worth mutating again. */
export interface Entry extends Lineage {
  /** Its place in the corpus, in order of arrival. */
  readonly index: number;
  readonly data: TestcaseData;
  readonly ancestorIndex: number;
  /** What the watched tensors held when it ran; all finite. */
  readonly activations: Float32Array;
  /** Squared L2 distance to the nearest activations when it was added; null for a seed. */
  readonly novelty: number | null;
  readonly task: number;
}

/** All entries in order of arrival; the first `seeds` are the user's. */
export interface Corpus {
  readonly entries: readonly Entry[];
  readonly seeds: number;
}
