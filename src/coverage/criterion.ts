import type { ParameterValues } from '../extensions/parameters.ts';
import type { ExtensionKind } from '../extensions/registry.ts';
import type { BatchResult } from '../model/batched-model.ts';
import type { FeedbackName } from './feedback/registry.ts';

/** What is observed of the watched activations: turns a run into one vector a row. */
export interface CoverageCriterion {
  /** Observations of a run, `[rows, width]`; `width` is the same for every run of a campaign. */
  observe(result: BatchResult): Float32Array;
  /**
   * The threshold to start with, a squared L2 distance; undefined where no mutant differs from its parent. Only asked where
   * the feedback is `distance`.
   *
   * @param walk steps of random walks from the seeds, finite
   */
  calibrate(walk: readonly WalkStep[]): number | undefined;
}

/** A criterion as a kind makes it: without a calibration of its own, the threshold is what one step in a hundred exceeds. */
export type CriterionImplementation = Pick<CoverageCriterion, 'observe'> &
  Partial<Pick<CoverageCriterion, 'calibrate'>>;

/** A criterion with the name of the feedback that decides which of its observations are new. */
export interface ResolvedCriterion extends CoverageCriterion {
  readonly feedback: FeedbackName;
}

/** Context that a criterion is made in. */
export interface CoverageCriterionSettings {
  /** The campaign's master seed: all random numbers are to be derived from it. */
  readonly seed: string;
  /** Whether testcases differ in shape, so that the size of activations may differ as well. */
  readonly varying: boolean;
}

/** A kind of criterion. */
export interface CoverageCriterionKind
  extends ExtensionKind<CriterionImplementation, CoverageCriterionSettings> {
  /** What counts as new: by distance unless given. */
  readonly feedback?: FeedbackName;
  make(values: ParameterValues, settings: CoverageCriterionSettings): CriterionImplementation;
}

/** A step of a random walk through inputs: the observation of a mutant and that of its parent. */
export interface WalkStep {
  readonly vector: Float32Array;
  readonly from: Float32Array;
}
