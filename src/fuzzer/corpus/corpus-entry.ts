import type { Lineage, TestcaseData } from '../../inputs/testcase.ts';

/** A corpus entry as the journal records it: everything but the testcase's values and its activations. */
export interface CorpusEntryRecord extends Lineage {
  /** Novelty when it was added: the squared L2 distance to the nearest activations, for instance; null for a seed. */
  readonly novelty: number | null;
  /** Number of the task that found it; 0 for a seed. */
  readonly task: number;
  /** Name of the goal it came nearer to; absent for an entry that was admitted for its activations. */
  readonly site?: string;
  /** The class that the model predicts; negative if there is none. */
  readonly outcome: number;
}

/** What of a corpus entry stays in memory, with the indices of the entries that constraints measure it from. */
export interface CorpusEntry
  extends Pick<
    CorpusEntryRecord,
    'id' | 'parent' | 'ancestor' | 'reference' | 'generation' | 'outcome' | 'latent'
  > {
  readonly ancestorIndex: number;
  /** The entry that DeepHunter's rule measures from: the ancestor, or a geometric transform of it. */
  readonly referenceIndex: number;
}

/** A corpus entry with its testcase and activations, ready to be added and written to disk. */
export interface NewCorpusEntry extends CorpusEntryRecord {
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}
