import type { SnapshotOptions } from '../index/hnsw-index.ts';
import type { RecallSample } from '../index/recall-sample.ts';
import type { Observations } from '../observation.ts';
import type { CoverageReference } from '../reference.ts';

/**
 * A rule for what counts as new, and for which few observations stand for all: a `Feedback` in LibAFL's sense. A new rule
 * is a file beside this one and a line in the registry.
 */
export interface FeedbackKind {
  readonly name: string;
  /**
   * Whether scores depend on the model, so that the threshold is calibrated on mutants of the seeds. Otherwise it begins at 0. Either
   * then follows the search, unless the user sets it.
   */
  readonly isCalibrated: boolean;
  /** @param width numbers in an observation */
  openHistory(width: number, options?: HistoryOptions): NoveltyHistory;
  /** Bytes that an observation takes in a history. */
  bytesPerObservation(width: number): number;
  /** A score over that of an observation that is just new. */
  unitsOf(score: number, threshold: number): number;
  /** Chooses few observations that stand for all. Equal arguments give equal choices. */
  minimize(observations: Observations, options: MinimizeOptions): MinimizedCover;
  /** How an observation that was left out relates to those that are kept: follows "each of the others". */
  describeReach(reach: number): string;
}

/** How a history is opened. */
export interface HistoryOptions extends SnapshotOptions {
  /** What is known of reference inputs before any observation is added. */
  readonly reference?: CoverageReference | undefined;
}

/** The observations of the entries that a campaign kept, as far as a process knows them. */
export interface NoveltyHistory {
  /** Observations that were added or loaded. */
  readonly size: number;
  /** Checks some of the searches for `score`; absent where they are exact. */
  readonly recallSample?: RecallSample | undefined;
  /** How far an observation is from all that is known: 0 where it is known, infinity where nothing is. */
  score(observation: Float32Array): number;
  /** Adds a finite observation; equal additions in equal order give equal scores. */
  add(observation: Float32Array): void;
  /**
   * Loads the first `size` or fewer observations where they are stored. Only for an empty history.
   *
   * @returns how many were loaded: those need not be added any more
   */
  loadPrefix(size: number): number;
  /** @param threshold score above which an observation is new */
  filter(threshold: number): NoveltyFilter;
}

/** Sorts out, in a worker process, which mutants of one task are new to the history as the task sees it. */
export interface NoveltyFilter {
  /**
   * Whether a row is finite and new, also to the mutants that were accepted before it. Called for every mutant: it
   * allocates nothing, and the cheap tests come first.
   *
   * @param observations `[rows, width]`
   * @param parent observation of the entry that the row was made from
   */
  isNew(observations: Float32Array, row: number, parent: Float32Array): boolean;
  /** Adds the observation of a mutant that the task sends back. It is kept: it must not change afterwards. */
  accept(observation: Float32Array): void;
  /**
   * The entry whose neighbourhood a row is in: the nearest one, or the one with equal elements; -1 where there is none. Absent where
   * observations have no neighbourhoods.
   */
  neighbourOf?(observations: Float32Array, row: number): number;
}

export interface MinimizeOptions {
  /** Score up to which an observation need not be kept. */
  readonly reach: number;
  /** Most observations that may be kept: `reach` then grows until they suffice. */
  readonly max?: number | undefined;
  /** Observations that are kept in any case. */
  readonly required: readonly number[];
  /** Observations that have to be kept with one. */
  readonly dependenciesOf: (observation: number) => readonly number[];
}

export interface MinimizedCover {
  /** Indices of the observations that are kept, ascending. */
  readonly chosen: readonly number[];
  /** The reach with which they stand for all. */
  readonly reach: number;
}
