import type { SnapshotOptions } from '../index/hnsw-index.ts';
import type { RecallSample } from '../index/recall-sample.ts';
import type { CoverageReference } from '../reference.ts';
import type { FeedbackKind, NoveltyHistory } from './feedback-kind.ts';
import { NoveltyThreshold, type SavedNoveltyThreshold, type ThresholdChange } from './novelty-threshold.ts';

/** How new an observation is. */
export interface Novelty {
  readonly isNew: boolean;
  /** As the journal records it: the squared L2 distance to the nearest entry, or the number of new elements. */
  readonly score: number;
  /** The score over that of an observation that is just new: what mutators are rewarded by. */
  readonly units: number;
}

/** How a campaign decides what is new. */
export interface FeedbackOptions {
  readonly kind: FeedbackKind;
  /** Numbers in an observation; undefined where the campaign is unguided and nothing counts as new. */
  readonly width: number | undefined;
  /** Score above which an observation is new, to begin with. */
  readonly threshold: number;
  /** Whether the threshold may follow the search; false where the user set it. */
  readonly isAdaptive: boolean;
  /** Whether so many results are in flight that those judged by an older threshold must not count. */
  readonly isDelayed?: boolean;
  /** Mutants kept at which the corpus floods; fewer of a model that runs few. */
  readonly floodCount?: number | undefined;
  readonly snapshots?: SnapshotOptions;
  /** What is known of reference inputs, where the campaign has some of its own. */
  readonly reference?: CoverageReference | undefined;
}

/** Decides what is new to a campaign: the history of all entries, and the threshold that novelty has to exceed. */
export class Feedback {
  readonly #kind: FeedbackKind;
  readonly #history: NoveltyHistory;
  readonly #threshold: NoveltyThreshold;

  constructor(options: FeedbackOptions) {
    const { kind, width, threshold, isAdaptive, isDelayed, floodCount, snapshots, reference } = options;
    this.#kind = kind;
    this.#history = width === undefined ? UNGUIDED : kind.openHistory(width, { ...snapshots, reference });
    this.#threshold = new NoveltyThreshold(threshold, isAdaptive, isDelayed, floodCount);
  }

  /** Entries in the history; always 0 where the campaign is unguided. */
  get size(): number {
    return this.#history.size;
  }

  /** Recall of an approximate index, as a sample of the searches had it; undefined where searches are exact. */
  get recallSample(): RecallSample | undefined {
    return this.#history.recallSample;
  }

  /** Score above which an observation is new, as it stands now. */
  get threshold(): number {
    return this.#threshold.value;
  }

  assess(observation: Float32Array): Novelty {
    const score = this.#history.score(observation);
    const { threshold } = this;
    return { isNew: score > threshold, score, units: this.#kind.unitsOf(score, threshold) };
  }

  /** Adds the observation of an entry. */
  add(observation: Float32Array): void {
    this.#history.add(observation);
  }

  /**
   * Loads the observations of the first `size` or fewer entries where they are stored. Only before any is added.
   *
   * @returns how many were loaded: those need not be added any more
   */
  loadPrefix(size: number): number {
    return this.#history.loadPrefix(size);
  }

  /**
   * Adapts the threshold to a task's share of new mutants.
   *
   * @param scores of the mutants of the task that entered the corpus for being new
   * @param judgedBy the threshold when the task was handed out
   * @returns the change, if there is one
   */
  adapt(mutants: number, scores: readonly number[], judgedBy?: number): ThresholdChange | undefined {
    return this.#threshold.observe(mutants, scores, judgedBy);
  }

  save(): SavedNoveltyThreshold {
    return this.#threshold.save();
  }

  /** Restores the threshold; entries are added anew. */
  restore(saved: SavedNoveltyThreshold): void {
    this.#threshold.restore(saved);
  }
}

/** The history of a campaign that keeps nothing for being new. */
const UNGUIDED: NoveltyHistory = {
  size: 0,
  score: () => 0,
  add() {},
  loadPrefix: () => 0,
  filter: () => ({ isNew: () => false, accept() {} }),
};
