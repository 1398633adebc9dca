import type { ParameterValues } from '../extensions/parameters.ts';
import type { ExtensionKind } from '../extensions/registry.ts';
import type { BatchResult } from '../model/batched-model.ts';
import type { WatchedTensors } from '../model/coverage-tensors.ts';
import type { WatchableGraph } from '../model/graph/output-layers.ts';
import type { FeedbackName } from './feedback/registry.ts';
import type { NeuronLayer, NeuronLayout } from './neurons.ts';
import type { CoverageReference, ReferenceCollector } from './reference.ts';

/** A coverage criterion (LibAFL's Observer): turns the watched activations of a run into one vector a row. */
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
  /** Layers of the observations, known once one was observed; absent where there are none. */
  layers?(): readonly CriterionLayer[];
}

/** Positions of an observation that belong to one watched tensor. */
export interface CriterionLayer extends NeuronLayer {
  /** Elements that inputs can cover there. */
  readonly elements: number;
}

/** A criterion as a kind makes it: without a calibration of its own, the threshold is what one step in a hundred exceeds. */
export type CriterionImplementation = Pick<CoverageCriterion, 'observe' | 'layers'> &
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
  /** Where neurons lie in activations; as in ONNX unless given. */
  readonly layout?: NeuronLayout;
  /** What the kind's collector made of the reference inputs; absent for kinds without one. */
  readonly reference?: CoverageReference;
}

/** A kind of criterion. */
export interface CoverageCriterionKind
  extends ExtensionKind<CriterionImplementation, CoverageCriterionSettings> {
  /** What an input covers, or how new it is, as a formula; absent where a plug-in gives none. */
  readonly equation?: string;
  /** Rule for what counts as new; `distance` unless given. */
  readonly feedback?: FeedbackName;
  /**
   * The tensors that it watches unless `--coverage` names some; those of `auto` unless given.
   *
   * @throws UserError where the model has none
   */
  readonly chooseTensors?: (model: WatchableGraph) => WatchedTensors;
  /** Whether it looks at nothing but the means of feature maps, which some runtimes compute themselves. */
  readonly averagesMaps?: boolean;
  /** Collects what the criterion needs to know of reference inputs; absent where it needs nothing. */
  readonly collectReference?: (
    values: ParameterValues,
    settings: CoverageCriterionSettings,
  ) => ReferenceCollector;
  /** Whether the seeds are no reference: it is collected only of inputs that `--coverage-reference` names. */
  readonly isReferenceOptional?: boolean;
  make(values: ParameterValues, settings: CoverageCriterionSettings): CriterionImplementation;
}

/** A step of a random walk through inputs: the observation of a mutant and that of its parent. */
export interface WalkStep {
  readonly vector: Float32Array;
  readonly from: Float32Array;
}
