import { countObservations, isFiniteVector, type Observations } from '../observation.ts';
import { type CoverageReference, referencePart } from '../reference.ts';
import { CovarianceEstimate } from './covariance-estimate.ts';
import type {
  FeedbackKind,
  MinimizedCover,
  MinimizeOptions,
  NoveltyFilter,
  NoveltyHistory,
} from './feedback-kind.ts';
import { REAL_STEPS, smallestReach } from './smallest-reach.ts';

/** Bytes of an observation beside the estimates, which have one size whatever the number of observations. */
const OBSERVATION_BYTES = 8;

/**
 * Covariances: an observation is new where it raises the norms of the layers' covariance matrices by more than the threshold (NLC; Yuan,
 * Pang, Wang, ICSE 2023). An observation has each layer's number of neurons in front of their values.
 */
export const covarianceFeedback: FeedbackKind = {
  name: 'covariance',
  isCalibrated: true,
  openHistory: (width, { reference } = {}) => new CovarianceHistory(width, reference),
  bytesPerObservation: () => OBSERVATION_BYTES,
  unitsOf: (score, threshold) => score / Math.max(threshold, Number.MIN_VALUE),
  minimize: keepWhatRaises,
  describeReach: (reach) => `raises the covariances of the kept testcases by at most ${reach.toPrecision(4)}`,
};

/** The estimates of all layers. They are of no layer until an observation tells the layers. */
export class LayerCovariances {
  readonly #layers: { readonly offset: number; readonly size: number; estimate: CovarianceEstimate }[] = [];

  copy(): LayerCovariances {
    const copy = new LayerCovariances();
    for (const { offset, size, estimate } of this.#layers)
      copy.#layers.push({ offset, size, estimate: estimate.copy() });
    return copy;
  }

  /** Neurons and norm of each layer. */
  get layers(): readonly { readonly size: number; readonly norm: number }[] {
    return this.#layers.map(({ size, estimate }) => ({ size, norm: estimate.norm }));
  }

  /** Neural coverage: the sum of the layers' norms. */
  get coverage(): number {
    return this.#layers.reduce((sum, { estimate }) => sum + estimate.norm, 0);
  }

  /** Sum of what the observation adds to layers whose norm it raises. */
  gain(observations: Float32Array, from: number): number {
    let total = 0;
    for (const { offset, estimate } of this.#layers)
      total += Math.max(0, estimate.gain(observations, from + offset));
    return total;
  }

  /**
   * Adds an observation.
   *
   * @param onlyWhereRaised as the paper's search does: not to layers whose norm it would lower
   */
  add(observations: Float32Array, from: number, width: number, onlyWhereRaised: boolean): void {
    if (this.#layers.length === 0) this.#readLayers(observations, from, width);
    for (const { offset, estimate } of this.#layers)
      if (!onlyWhereRaised || this.#isEmpty(estimate) || estimate.gain(observations, from + offset) > 0)
        estimate.add(observations, from + offset);
  }

  save(): CoverageReference {
    return {
      layers: Float32Array.from(this.#layers, ({ size }) => size),
      estimates: concatenate(this.#layers.map(({ estimate }) => estimate.save())),
    };
  }

  static restore(reference: CoverageReference): LayerCovariances {
    const covariances = new LayerCovariances();
    const estimates = referencePart(reference, 'estimates');
    let offset = 1;
    let at = 0;
    for (const size of referencePart(reference, 'layers')) {
      const length = CovarianceEstimate.savedLength(size);
      const estimate = CovarianceEstimate.restore(size, estimates.subarray(at, at + length));
      covariances.#layers.push({ offset, size, estimate });
      offset += size + 1;
      at += length;
    }
    return covariances;
  }

  /** The first observations of a search: a mean and a covariance need two. */
  #isEmpty(estimate: CovarianceEstimate): boolean {
    return estimate.norm === 0;
  }

  #readLayers(observations: Float32Array, from: number, width: number): void {
    for (let offset = 0; offset < width; ) {
      const size = observations[from + offset];
      this.#layers.push({ offset: offset + 1, size, estimate: new CovarianceEstimate(size) });
      offset += size + 1;
    }
  }
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

class CovarianceHistory implements NoveltyHistory {
  readonly #width: number;
  readonly #covariances: LayerCovariances;
  #size = 0;

  constructor(width: number, reference: CoverageReference | undefined) {
    this.#width = width;
    this.#covariances =
      reference === undefined ? new LayerCovariances() : LayerCovariances.restore(reference);
  }

  get size(): number {
    return this.#size;
  }

  /** By how much it raises the coverage. */
  score(observation: Float32Array): number {
    return this.#covariances.gain(observation, 0);
  }

  add(observation: Float32Array): void {
    this.#covariances.add(observation, 0, this.#width, true);
    this.#size++;
  }

  /** Has no snapshots: what an observation adds depends on those before it. */
  loadPrefix(): number {
    return 0;
  }

  filter(threshold: number): NoveltyFilter {
    return new CovarianceFilter(this.#covariances, this.#width, threshold);
  }
}

class CovarianceFilter implements NoveltyFilter {
  readonly #width: number;
  readonly #threshold: number;
  #covariances: LayerCovariances;
  #isOwn = false;

  constructor(covariances: LayerCovariances, width: number, threshold: number) {
    this.#covariances = covariances;
    this.#width = width;
    this.#threshold = threshold;
  }

  isNew(observations: Float32Array, row: number): boolean {
    const offset = row * this.#width;
    return (
      isFiniteVector(observations, offset, this.#width) &&
      this.#covariances.gain(observations, offset) > this.#threshold
    );
  }

  accept(observation: Float32Array): void {
    if (!this.#isOwn) this.#covariances = this.#covariances.copy();
    this.#isOwn = true;
    this.#covariances.add(observation, 0, this.#width, true);
  }
}

/** Keeps, one after the other, the observations that raise the covariances of those before them by more than the reach. */
function keepWhatRaises({ vectors, width }: Observations, options: MinimizeOptions): MinimizedCover {
  const { reach, max, required, dependenciesOf } = options;
  const count = countObservations({ vectors, width });
  const cover = (leastGain: number): number[] => {
    const covariances = new LayerCovariances();
    const chosen = new Set<number>();
    const keep = (observation: number): void => {
      if (chosen.has(observation)) return;
      chosen.add(observation);
      covariances.add(vectors, observation * width, width, true);
      for (const dependency of dependenciesOf(observation)) keep(dependency);
    };
    for (const observation of required) keep(observation);
    for (let observation = 0; observation < count; observation++)
      if (chosen.size === 0 || covariances.gain(vectors, observation * width) > leastGain) keep(observation);
    return [...chosen].sort((a, b) => a - b);
  };
  if (max === undefined) return { reach, chosen: cover(reach) };
  return smallestReach(max, Math.max(reach, Number.MIN_VALUE), REAL_STEPS, cover);
}
