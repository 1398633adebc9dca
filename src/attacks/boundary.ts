import type { BoundsTracker, WorkingArray } from '../constraints/bounds.ts';
import { drawNormal, type Random, randomStream } from '../core/random.ts';
import { spanOf } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { isSmallPicture } from '../mutators/image/spatial.ts';
import type { ClassAnswer } from '../objectives/class-answer.ts';
import {
  type AttackContext,
  type AttackedInput,
  AttackedValues,
  type AttackKind,
  WorstFinder,
} from './attack.ts';
import { runSearches, type Search } from './search.ts';

/** Euclidean limits on levels from 0 to 1, as the contest has them for MNIST and for ImageNet, and the values of those pictures. */
const SMALL_L2 = 4;
const SMALL_SIZE = 28 * 28;
const LARGE_L2 = 10;
const LARGE_SIZE = 224 * 224 * 3;

/** Steps from the right class to the wrong one that bisection takes. */
const BISECTIONS = 10;

/** Draws of noise that may have another class, where no input has. */
const NOISE_DRAWS = 10;

/** First length of steps around the input and towards it, as shares of the distance, and how both change. */
const FIRST_LENGTH = 0.1;
const GROWTH = 1.1;
const DECAY = 0.9;

/** Longest step. */
const MAX_LENGTH = 0.5;

/** Steps from one point that is scored to the next. */
const SCORED_STEPS = 10;

const L2 = {
  name: 'l2',
  help: 'Euclidean length of the change, in spans of a value; 4 for pictures of 28 × 28, less for smaller ones; 10 for larger than 64 × 64',
  min: 0,
  max: 1e6,
} as const;

const STEPS = {
  name: 'steps',
  default: 2500,
  help: 'steps, of up to two queries each, if --queries allows as many',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const QUERIES = {
  name: 'queries',
  help: 'queries for one input; as --queries',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

/**
 * The Euclidean limit in values of the input: of the spec, of the settings, or the attack's own. Of inputs that are no pictures
 * the mean change of a value is that of ImageNet's.
 */
function radiusOf(
  values: AttackedValues,
  { data }: AttackedInput,
  { descriptor, l2 }: AttackContext,
  spans: number | undefined,
): number {
  if (spans !== undefined) return spans * spanOf(descriptor);
  if (l2 !== undefined) return l2;
  const { length } = values.valuesOf(data);
  const isSmall = descriptor.picture !== undefined && isSmallPicture(values.layoutOf(data));
  const [limit, size] = isSmall ? [SMALL_L2, SMALL_SIZE] : [LARGE_L2, LARGE_SIZE];
  const share = isSmall || descriptor.picture === undefined ? Math.min(1, Math.sqrt(length / size)) : 1;
  return share * limit * spanOf(descriptor);
}

function distance(a: WorkingArray, b: WorkingArray): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) ** 2;
  return Math.sqrt(squares);
}

/** The point between two, at a share of the way. */
function between(from: WorkingArray, to: WorkingArray, share: number): WorkingArray {
  return from.map((value, i) => value + share * (to[i] - value));
}

/** A step around the centre: normal noise without its part along the radius, brought back to the sphere. */
function stepAround(at: WorkingArray, centre: WorkingArray, length: number, random: Random): WorkingArray {
  const radius = distance(at, centre);
  const noise = at.map(() => drawNormal(random));
  let along = 0;
  for (let i = 0; i < at.length; i++) along += (noise[i] * (at[i] - centre[i])) / radius ** 2;
  let squares = 0;
  for (let i = 0; i < at.length; i++) {
    noise[i] -= along * (at[i] - centre[i]);
    squares += noise[i] ** 2;
  }
  const scale = (length * radius) / Math.sqrt(squares || 1);
  const back = 1 / Math.sqrt(1 + length ** 2);
  return at.map((value, i) => centre[i] + back * (value + scale * noise[i] - centre[i]));
}

function adapted(length: number, isKept: boolean): number {
  return Math.min(MAX_LENGTH, length * (isKept ? GROWTH : DECAY));
}

/** The walk about one input. */
class Walk {
  readonly #input: AttackedInput;
  readonly #random: Random;
  readonly #worst: WorstFinder;
  readonly #free: AttackedValues;
  readonly #within: AttackedValues;
  readonly #bounds: BoundsTracker;
  /** Whether only points that were made legal count, since there are limits beside the ball. */
  readonly #isLimited: boolean;
  readonly #radius: number;
  readonly #centre: WorkingArray;
  readonly #queries: number;

  constructor(input: AttackedInput, settings: AttackContext, l2: number | undefined, queries: number) {
    this.#input = input;
    this.#random = randomStream(settings.seed, 'boundary', input.index);
    this.#worst = new WorstFinder(input, settings.threshold);
    this.#free = new AttackedValues({ ...settings, limits: undefined });
    this.#radius = radiusOf(this.#free, input, settings, l2);
    this.#within = new AttackedValues(settings, this.#radius);
    this.#isLimited = settings.limits !== undefined;
    this.#bounds = this.#free.boundsAround(input.data);
    this.#centre = this.#free.valuesOf(input.data);
    this.#queries = queries;
  }

  *search(steps: number): Search {
    const { data, rival } = this.#input;
    const answer = yield data;
    this.#worst.take(data, answer);
    if (this.#isOver) return this.#worst.outcome;
    if (answer.isWrong) {
      if (rival !== undefined) yield* this.#score(this.#free.valuesOf(rival));
      return this.#worst.outcome;
    }
    const start = yield* this.#start();
    if (start !== undefined) yield* this.#walk(yield* this.#bisect(start), steps);
    return this.#worst.outcome;
  }

  get #isOver(): boolean {
    return this.#worst.isDone || this.#worst.queries >= this.#queries;
  }

  /** The values as the model would be asked about them. */
  #testcase(values: WorkingArray): TestcaseData {
    return this.#free.withValues(this.#input.data, values, this.#bounds);
  }

  /** Asks about a point; its values where it has a wrong class. */
  *#wrong(values: WorkingArray): Generator<TestcaseData, WorkingArray | undefined, ClassAnswer> {
    const testcase = this.#testcase(values);
    const answer = yield testcase;
    const asked = this.#free.valuesOf(testcase);
    if (!this.#isLimited && distance(asked, this.#centre) <= this.#radius) this.#worst.take(testcase, answer);
    else this.#worst.pass();
    return answer.isWrong ? asked : undefined;
  }

  /** A point with a wrong class: the rival, or noise; undefined where there is none. */
  *#start(): Generator<TestcaseData, WorkingArray | undefined, ClassAnswer> {
    const { rival } = this.#input;
    const found = rival && (yield* this.#wrong(this.#free.valuesOf(rival)));
    if (found !== undefined) return found;
    const { low, high } = this.#bounds;
    for (let draw = 0; draw < NOISE_DRAWS && !this.#isOver; draw++) {
      const noise = this.#centre.map((_, i) => low[i] + this.#random.uniform() * (high[i] - low[i]));
      const wrong = yield* this.#wrong(noise);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  /** The nearest point to the centre with a wrong class on the line to one. */
  *#bisect(start: WorkingArray): Generator<TestcaseData, WorkingArray, ClassAnswer> {
    let wrong = start;
    let right = this.#centre;
    for (let step = 0; step < BISECTIONS && !this.#isOver; step++) {
      const middle = between(right, wrong, 0.5);
      const found = yield* this.#wrong(middle);
      if (found === undefined) right = middle;
      else wrong = found;
    }
    return wrong;
  }

  *#walk(start: WorkingArray, steps: number): Generator<TestcaseData, void, ClassAnswer> {
    let at = start;
    let [around, towards] = [FIRST_LENGTH, FIRST_LENGTH];
    for (let step = 0; step < steps && !this.#isOver; step++) {
      if (step % SCORED_STEPS === 0) yield* this.#score(at);
      if (this.#isOver) return;
      const beside = yield* this.#wrong(stepAround(at, this.#centre, around, this.#random));
      around = adapted(around, beside !== undefined);
      if (beside === undefined || this.#isOver) continue;
      at = beside;
      const nearer = yield* this.#wrong(between(beside, this.#centre, towards));
      towards = adapted(towards, nearer !== undefined);
      at = nearer ?? at;
    }
    if (!this.#isOver) yield* this.#score(at);
  }

  /** Asks about the point of the ball's surface in the direction of a point. */
  *#score(at: WorkingArray): Generator<TestcaseData, void, ClassAnswer> {
    const { data } = this.#input;
    const onSurface = between(this.#centre, at, this.#radius / (distance(at, this.#centre) || 1));
    const testcase = this.#within.withValues(data, onSurface, this.#within.boundsAround(data));
    this.#worst.take(testcase, yield testcase);
  }
}

/** The boundary attack: Brendel, Rauber & Bethge, ICLR 2018. It needs the class alone; what counts is the point within an L2 ball. */
export const boundary: AttackKind = {
  name: 'boundary',
  help: 'a walk along the boundary from an input of another class towards this one, by classes alone, within an L2 ball',
  source: 'Boundary Attack (Brendel et al. 2018)',
  parameters: [L2, STEPS, QUERIES],
  needsPicture: false,
  needsRival: true,
  isCombinable: true,
  maxQueries: ({ queries }, parameters) => parameters(QUERIES) ?? queries,
  make(parameters, settings) {
    const queries = parameters(QUERIES) ?? settings.queries;
    const start = (input: AttackedInput): Search =>
      new Walk(input, settings, parameters(L2), queries).search(parameters(STEPS));
    return { run: (inputs, oracle) => runSearches(inputs, start, queries, oracle) };
  },
};
