import { UserError } from '../../core/errors.ts';
import { NO_CLASS } from '../../inputs/class-label.ts';
import { predictedClassOf } from '../../inputs/predicted-class.ts';
import type {
  CoverageCriterionKind,
  CoverageCriterionSettings,
  CriterionImplementation,
} from '../criterion.ts';
import { DEFAULT_LAYOUT, neuronReader } from '../neurons.ts';
import { referencePart } from '../reference.ts';
import { DistanceSurprise, distancesFromOthers } from './surprise/distance-surprise.ts';
import {
  countNeurons,
  LikelihoodSurprise,
  leastSurprise,
  MAX_NEURONS,
} from './surprise/likelihood-surprise.ts';
import { readTraces, TraceCollector } from './surprise/reference-traces.ts';
import type { SurpriseMeasure } from './surprise/surprise-measure.ts';

const BUCKETS = {
  name: 'buckets',
  default: 1000,
  help: 'buckets between the lower and the upper bound',
  min: 1,
  max: 65_535,
  integer: true,
} as const;

const LOWER = {
  name: 'lower',
  help: 'surprise at which the first bucket begins (default: the least of the reference inputs)',
  min: -1e9,
  max: 1e9,
} as const;

const MIN_VARIANCE = {
  name: 'min-variance',
  default: 1e-5,
  help: 'variance that a neuron has in every class if it counts, as in the code of the paper',
  min: 0,
  max: 1e9,
} as const;

const SOURCE = 'Surprise adequacy (Kim, Feldt, Yoo, ICSE 2019)';

function tracesParameter(usual: number) {
  return {
    name: 'traces',
    default: usual,
    help: 'reference inputs of each predicted class that count, the first ones',
    min: 2,
    max: 100_000,
    integer: true,
  } as const;
}

const DISTANCE_UPPER = {
  name: 'upper',
  default: 2,
  help: 'surprise above which no bucket is covered',
  min: 1e-6,
  max: 1e9,
} as const;

/** As far above the least surprise as the authors measure on their network of MNIST. */
const LIKELIHOOD_SPAN = 2000;

const LIKELIHOOD_UPPER = {
  name: 'upper',
  help: `surprise above which no bucket is covered (default: ${LIKELIHOOD_SPAN} above the lower bound)`,
  min: -1e9,
  max: 1e9,
} as const;

const DISTANCE_TRACES = tracesParameter(400);

/**
 * Distance-based surprise adequacy: the distance from the nearest reference input of the same predicted class, over that one's
 * distance from the nearest input of any other class. An input covers the bucket that its surprise lies in.
 */
export const surprise: CoverageCriterionKind = {
  name: 'surprise',
  help: 'distance from reference inputs of the same class, relative to other classes (DSA)',
  equation:
    's(x) = ‖x − a‖ / ‖a − b‖: a is the nearest reference input of the class, b the one of other classes nearest to a',
  source: SOURCE,
  feedback: 'set',
  averagesMaps: true,
  parameters: [DISTANCE_TRACES, BUCKETS, DISTANCE_UPPER],
  collectReference(values, settings) {
    const collector = new TraceCollector(settings, values(DISTANCE_TRACES));
    return {
      add: (result) => collector.add(result),
      finish() {
        const reference = collector.finish();
        const traces = readTraces(reference);
        checkClasses(traces.classes);
        return { ...reference, fromOthers: distancesFromOthers(traces) };
      },
    };
  },
  make(values, settings) {
    const { reference } = settings;
    const measure = new DistanceSurprise(readTraces(reference), referencePart(reference, 'fromOthers'));
    const buckets = { count: values(BUCKETS), lower: 0, upper: values(DISTANCE_UPPER) };
    return observingBuckets(measure, settings, buckets);
  },
};

/** Fewer than of distances: every density is a sum over all of them. */
const LIKELIHOOD_TRACES = tracesParameter(200);

/**
 * Likelihood-based surprise adequacy: minus the logarithm of the density of an activation trace, by kernel density estimation over
 * the reference inputs of the same predicted class. An input covers the bucket that its surprise lies in.
 */
export const surpriseLikelihood: CoverageCriterionKind = {
  name: 'surprise-likelihood',
  help: 'how unlikely activations are among those of the reference inputs (LSA)',
  equation:
    's(x) = −log (1/n · Σᵢ K(x − xᵢ)): xᵢ are the n reference inputs of the class, K is a Gaussian with their covariance',
  source: SOURCE,
  feedback: 'set',
  averagesMaps: true,
  parameters: [LIKELIHOOD_TRACES, BUCKETS, LOWER, LIKELIHOOD_UPPER, MIN_VARIANCE],
  collectReference(values, settings) {
    const collector = new TraceCollector(settings, values(LIKELIHOOD_TRACES));
    return {
      add: (result) => collector.add(result),
      finish() {
        const reference = collector.finish();
        const traces = readTraces(reference);
        checkNeurons(countNeurons(traces, values(MIN_VARIANCE)), values(MIN_VARIANCE));
        return { ...reference, least: Float32Array.of(leastSurprise(traces, values(MIN_VARIANCE))) };
      },
    };
  },
  make(values, settings) {
    const { reference } = settings;
    const measure = new LikelihoodSurprise(readTraces(reference), values(MIN_VARIANCE));
    const lower = values(LOWER) ?? referencePart(reference, 'least')[0];
    const upper = values(LIKELIHOOD_UPPER) ?? lower + LIKELIHOOD_SPAN;
    if (upper <= lower)
      throw new UserError(
        `--measure surprise-likelihood: the upper bound ${upper} must be above the lower bound ${lower}`,
      );
    return observingBuckets(measure, settings, { count: values(BUCKETS), lower, upper });
  },
};

/** Equal buckets between two bounds. Below the first bound is the first bucket, above the second one none. */
interface Buckets {
  readonly count: number;
  readonly lower: number;
  readonly upper: number;
}

function observingBuckets(
  measure: SurpriseMeasure,
  { layout = DEFAULT_LAYOUT }: CoverageCriterionSettings,
  { count, lower, upper }: Buckets,
): CriterionImplementation {
  const read = neuronReader(layout);
  return {
    observe(result) {
      const { rows, values: activations } = read(result);
      const observation = new Float32Array(rows);
      for (let row = 0; row < rows; row++) {
        const value = measure.of(activations, row, predictedClassOf(result, row));
        if (!(value <= upper)) continue;
        const place = Math.max(0, (value - lower) / (upper - lower));
        observation[row] = 1 + Math.min(count - 1, Math.floor(place * count));
      }
      return observation;
    },
    layers: () => [{ name: 'surprise', from: 0, count: 1, elements: count }],
  };
}

/** @throws UserError where there are no distances from another class */
function checkClasses(classes: readonly number[]): void {
  if (classes.length < 2 || classes.includes(NO_CLASS))
    throw new UserError(
      `--measure surprise needs reference inputs of two predicted classes or more, and has ${describeClasses(classes)}; try --measure surprise-likelihood, or give training inputs with --coverage-reference`,
    );
}

/** @throws UserError where densities cannot be estimated over so many neurons, or over none */
function checkNeurons(count: number, minVariance: number): void {
  if (count === 0)
    throw new UserError(
      `--measure surprise-likelihood: no neuron has a variance of ${minVariance} or more in every class of the reference inputs; set a smaller surprise-likelihood:min-variance, or give more inputs with --coverage-reference`,
    );
  if (count > MAX_NEURONS)
    throw new UserError(
      `--measure surprise-likelihood: ${count} neurons vary, and densities are estimated over up to ${MAX_NEURONS}; name fewer layers with --coverage, or set a greater surprise-likelihood:min-variance`,
    );
}

function describeClasses(classes: readonly number[]): string {
  if (classes.includes(NO_CLASS)) return 'none: the model has no output with scores for classes';
  return classes.length === 0 ? 'none' : `only class ${classes[0]}`;
}
