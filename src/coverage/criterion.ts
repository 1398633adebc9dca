import type { BatchResult } from '../model/batched-model.ts';

/** What of the watched activations is compared: turns a run into one vector a row. */
export interface CoverageCriterion {
  /** The vectors of a run, `[rows, width]`; `width` is the same for every run of a campaign. */
  observe(result: BatchResult): Float32Array;
  /**
   * The threshold to start with; undefined where no mutant moves.
   *
   * @param walk steps of random walks from the seeds, finite
   */
  calibrate(walk: readonly WalkStep[]): number | undefined;
}

/** What a measure is made for. */
export interface CoverageCriterionSettings {
  /** The campaign's master seed: what is drawn is drawn from it. */
  readonly seed: string;
  /** Whether testcases may be of several forms, and activations not always as many. */
  readonly varying: boolean;
}

/** A kind of measure: what the registry lists, and what a plug-in gives. */
export interface CoverageCriterionKind {
  readonly name: string;
  /** For people: what is compared. */
  readonly help: string;
  make(
    settings: CoverageCriterionSettings,
  ): Pick<CoverageCriterion, 'observe'> & Partial<Pick<CoverageCriterion, 'calibrate'>>;
}

/** A point of a random walk through inputs: the vector of a mutant and that of what it was made from. */
export interface WalkStep {
  readonly vector: Float32Array;
  readonly from: Float32Array;
}
