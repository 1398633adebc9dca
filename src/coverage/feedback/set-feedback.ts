import { countObservations, isFiniteVector, type Observations } from '../observation.ts';
import { ElementSet } from './element-set.ts';
import type {
  FeedbackKind,
  MinimizedCover,
  MinimizeOptions,
  NoveltyFilter,
  NoveltyHistory,
} from './feedback-kind.ts';
import { greedySetCover } from './greedy-set-cover.ts';
import { smallestReach } from './smallest-reach.ts';

/** Bytes of one value in a `Set`, and of one in a `Map`. */
const SET_ELEMENT_BYTES = 40;
const MAP_ITEM_BYTES = 48;

const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/** A number and its bits, in the same bytes. */
const NUMBER = new Float32Array(1);
const BITS = new Int32Array(NUMBER.buffer);

/**
 * A set of elements, like the edges in a coverage map of AFL: every number of an observation that is not zero is one, a
 * pair of position and value. An observation is new where it has more elements that no one before it has than the
 * threshold.
 */
export const setFeedback: FeedbackKind = {
  name: 'set',
  isCalibrated: false,
  openHistory: (width) => new SetHistory(width),
  // An entry has at least one element that is new; where elements are bits, the bitmap has room for all of them.
  bytesPerObservation: () => SET_ELEMENT_BYTES + MAP_ITEM_BYTES,
  unitsOf: (score, threshold) => score / (threshold + 1),
  minimize: coverElements,
  describeReach: (reach) =>
    reach < 1
      ? 'has no element that the kept testcases lack'
      : `covers at most ${Math.floor(reach)} elements that the kept testcases lack`,
};

class SetHistory implements NoveltyHistory {
  readonly #width: number;
  readonly #elements: ElementSet;
  /** The last observation with each set of elements, by the set's hash. */
  readonly #byHash = new Map<number, number>();
  #size = 0;

  constructor(width: number) {
    this.#width = width;
    this.#elements = new ElementSet(width);
  }

  get size(): number {
    return this.#size;
  }

  /** How many elements are not known. */
  score(observation: Float32Array): number {
    let score = 0;
    for (let position = 0; position < observation.length; position++) {
      const value = observation[position];
      if (value !== 0 && !this.#elements.has(position, value)) score++;
    }
    return score;
  }

  add(observation: Float32Array): void {
    this.#elements.addAll(observation);
    this.#byHash.set(hashElements(observation, 0, this.#width), this.#size);
    this.#size++;
  }

  /** Has no snapshots: adding observations takes less time than reading them. */
  loadPrefix(): number {
    return 0;
  }

  filter(threshold: number): NoveltyFilter {
    return new SetFilter(this.#elements, this.#byHash, this.#width, threshold);
  }
}

class SetFilter implements NoveltyFilter {
  readonly #known: ElementSet;
  readonly #byHash: ReadonlyMap<number, number>;
  readonly #accepted: ElementSet;
  readonly #width: number;
  readonly #threshold: number;

  constructor(known: ElementSet, byHash: ReadonlyMap<number, number>, width: number, threshold: number) {
    this.#known = known;
    this.#byHash = byHash;
    this.#accepted = new ElementSet(width);
    this.#width = width;
    this.#threshold = threshold;
  }

  // A look-up is cheaper than a comparison with the parent, whose elements need not be known either: the parent may be a
  // mutant of the same task.
  isNew(observations: Float32Array, row: number): boolean {
    const offset = row * this.#width;
    let fresh = 0;
    for (let position = 0; position < this.#width; position++) {
      const value = observations[offset + position];
      if (value !== 0 && !this.#known.has(position, value) && !this.#accepted.has(position, value)) fresh++;
    }
    return fresh > this.#threshold && isFiniteVector(observations, offset, this.#width);
  }

  accept(observation: Float32Array): void {
    this.#accepted.addAll(observation);
  }

  /** The entry with the same elements, as AFLFast counts equal paths by their hash. */
  neighbourOf(observations: Float32Array, row: number): number {
    return this.#byHash.get(hashElements(observations, row * this.#width, this.#width)) ?? -1;
  }
}

/** FNV-1a over the positions and bits of an observation's elements, by words. */
function hashElements(observations: Float32Array, offset: number, width: number): number {
  let hash = FNV_OFFSET;
  for (let position = 0; position < width; position++) {
    const value = observations[offset + position];
    if (value === 0) continue;
    NUMBER[0] = value;
    hash = Math.imul(Math.imul(hash ^ position, FNV_PRIME) ^ BITS[0], FNV_PRIME);
  }
  return hash;
}

/** Each observation covers its elements; `reach` is how many of one that is left out may be covered by none. */
function coverElements(observations: Observations, options: MinimizeOptions): MinimizedCover {
  const { reach, max, required, dependenciesOf } = options;
  const { elementCount, elementsOf } = numberElements(observations);
  const cover = (maxUncovered: number): number[] =>
    greedySetCover({
      setCount: elementsOf.length,
      elementCount,
      forEachElement: (observation, visit) => elementsOf[observation].forEach(visit),
      required,
      dependenciesOf,
      maxUncovered: Math.floor(maxUncovered),
    });
  if (max === undefined) return { reach, chosen: cover(reach) };
  const steps = {
    grow: (current: number) => (current < observations.width ? 2 * current + 1 : undefined),
    between: (low: number, high: number) => (high - low > 1 ? (low + high) >> 1 : undefined),
  };
  return smallestReach(max, Math.floor(reach), steps, cover);
}

/** Numbers the elements in the order in which they come, and lists those of each observation. */
function numberElements(observations: Observations): {
  readonly elementCount: number;
  readonly elementsOf: readonly Int32Array[];
} {
  const { vectors, width } = observations;
  const numbers = new Map<string, number>();
  const numberOf = (position: number, value: number): number => {
    const key = `${position} ${value}`;
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  };
  const elementsOf = Array.from({ length: countObservations(observations) }, (_, observation) => {
    const elements: number[] = [];
    for (let position = 0; position < width; position++) {
      const value = vectors[observation * width + position];
      if (value !== 0) elements.push(numberOf(position, value));
    }
    return Int32Array.from(elements);
  });
  return { elementCount: numbers.size, elementsOf };
}
