import { indexBytesPerVector, makeNeighbourIndex } from '../index/make-index.ts';
import type { NeighbourIndex } from '../index/neighbour-index.ts';
import { RadiusSearch } from '../index/radius-search.ts';
import { RecallSample } from '../index/recall-sample.ts';
import { countObservations, isFiniteVector, type Observations, squaredDistance } from '../observation.ts';
import type {
  FeedbackKind,
  MinimizedCover,
  MinimizeOptions,
  NoveltyFilter,
  NoveltyHistory,
} from './feedback-kind.ts';
import { greedySetCover } from './greedy-set-cover.ts';
import { REAL_STEPS, smallestReach } from './smallest-reach.ts';

/**
 * Distances: an observation is new where its squared L2 distance to the nearest one before it exceeds the threshold, as in
 * TensorFuzz (Odena et al., ICML 2019, section 3.3).
 */
export const distanceFeedback: FeedbackKind = {
  name: 'distance',
  isCalibrated: true,
  openHistory: (width, snapshots) => new DistanceHistory(makeNeighbourIndex(width, snapshots), width),
  bytesPerObservation: indexBytesPerVector,
  unitsOf: (score, threshold) => score / Math.max(threshold, Number.MIN_VALUE),
  minimize: coverByDistance,
  describeReach: (reach) => `lies within ${reach.toPrecision(4)} (squared distance) of a kept testcase`,
};

class DistanceHistory implements NoveltyHistory {
  readonly #index: NeighbourIndex;
  readonly #width: number;
  readonly recallSample: RecallSample | undefined;

  constructor(index: NeighbourIndex, width: number) {
    this.#index = index;
    this.#width = width;
    this.recallSample = index.exactNearest === undefined ? undefined : new RecallSample();
  }

  get size(): number {
    return this.#index.size;
  }

  score(observation: Float32Array): number {
    const nearest = this.#index.nearest(observation);
    this.recallSample?.observe(this.#index, observation, nearest);
    return nearest;
  }

  add(observation: Float32Array): void {
    this.#index.add(observation);
  }

  loadPrefix(size: number): number {
    return this.#index.loadPrefix(size);
  }

  filter(threshold: number): NoveltyFilter {
    return new DistanceFilter(this.#index, this.#width, threshold);
  }
}

class DistanceFilter implements NoveltyFilter {
  readonly #index: NeighbourIndex;
  readonly #width: number;
  readonly #threshold: number;
  readonly #accepted: Float32Array[] = [];

  constructor(index: NeighbourIndex, width: number, threshold: number) {
    this.#index = index;
    this.#width = width;
    this.#threshold = threshold;
  }

  // Most mutants lie within the threshold of their parent and need no search. Nor do those near to one that the task
  // sends back already: at most one of the two would enter the corpus.
  isNew(observations: Float32Array, row: number, parent: Float32Array): boolean {
    const threshold = this.#threshold;
    const width = this.#width;
    const offset = row * width;
    if (squaredDistance(observations, offset, parent) <= threshold) return false;
    if (!isFiniteVector(observations, offset, width)) return false;
    for (const accepted of this.#accepted)
      if (squaredDistance(observations, offset, accepted) <= threshold) return false;
    return !(this.#index.nearest(observations, offset) <= threshold);
  }

  accept(observation: Float32Array): void {
    this.#accepted.push(observation);
  }

  neighbourOf(observations: Float32Array, row: number): number {
    const offset = row * this.#width;
    if (!isFiniteVector(observations, offset, this.#width)) return -1;
    return this.#index.nearestEntry(observations, offset);
  }
}

/** Each observation covers those within reach of it, a squared L2 distance. */
function coverByDistance(observations: Observations, options: MinimizeOptions): MinimizedCover {
  const { reach, max, required, dependenciesOf } = options;
  const count = countObservations(observations);
  const cover = (squaredRadius: number): number[] => {
    const search = new RadiusSearch(observations, squaredRadius);
    return greedySetCover({
      setCount: count,
      elementCount: count,
      forEachElement: (vector, visit) => search.forEachWithin(vector, visit),
      required,
      dependenciesOf,
    });
  };
  if (max === undefined) return { reach, chosen: cover(reach) };
  return smallestReach(max, Math.max(reach, Number.MIN_VALUE), REAL_STEPS, cover);
}
