import { UserError } from '../../core/errors.ts';
import type { ParameterValues } from '../../extensions/parameters.ts';
import { NO_CLASS } from '../../inputs/class-label.ts';
import { predictedClassOf } from '../../inputs/predicted-class.ts';
import type { CoverageCriterionKind, CoverageCriterionSettings } from '../criterion.ts';
import { neuronValues } from '../neurons.ts';
import type { ReferenceCollector } from '../reference.ts';
import { DistanceSurprise } from './surprise/distance-surprise.ts';
import { LikelihoodSurprise } from './surprise/likelihood-surprise.ts';
import { readTraces, TraceCollector } from './surprise/reference-traces.ts';
import type { SurpriseMeasure } from './surprise/surprise-measure.ts';

const TRACES = {
  name: 'traces',
  default: 1000,
  help: 'reference inputs of each predicted class that count, the first ones',
  min: 2,
  max: 100_000,
  integer: true,
} as const;

const BUCKETS = {
  name: 'buckets',
  default: 1000,
  help: 'buckets between 0 and the upper bound',
  min: 1,
  max: 65_535,
  integer: true,
} as const;

const SOURCE = 'Surprise adequacy (Kim, Feldt, Yoo, ICSE 2019)';

/**
 * Distance-based surprise adequacy: the distance from the nearest reference input of the same predicted class, over that one's
 * distance from the nearest input of any other class. An input covers the bucket that its surprise lies in.
 */
export const surprise: CoverageCriterionKind = surpriseKind({
  name: 'surprise',
  help: 'distance from reference inputs of the same class, relative to other classes (DSA)',
  upper: 2,
  isDistance: true,
});

/**
 * Likelihood-based surprise adequacy: minus the logarithm of the density of an activation trace, by kernel density estimation over
 * the reference inputs of the same predicted class. An input covers the bucket that its surprise lies in.
 */
export const surpriseLikelihood: CoverageCriterionKind = surpriseKind({
  name: 'surprise-likelihood',
  help: 'how unlikely activations are among those of the reference inputs (LSA)',
  upper: 2000,
  isDistance: false,
});

function surpriseKind({
  name,
  help,
  upper: defaultUpper,
  isDistance,
}: {
  readonly name: string;
  readonly help: string;
  readonly upper: number;
  readonly isDistance: boolean;
}): CoverageCriterionKind {
  const upper = {
    name: 'upper',
    default: defaultUpper,
    help: 'surprise above which no bucket is covered',
    min: 1e-6,
    max: 1e9,
  } as const;
  return {
    name,
    help,
    source: SOURCE,
    feedback: 'set',
    averagesMaps: true,
    parameters: [TRACES, BUCKETS, upper],
    collectReference: (values, settings) => surpriseCollector(values, settings, isDistance),
    make(values, settings) {
      const { channels = 'first', reference } = settings;
      const traces = readTraces(reference);
      const measure: SurpriseMeasure = isDistance
        ? new DistanceSurprise(traces)
        : new LikelihoodSurprise(traces);
      const buckets = values(BUCKETS);
      const bound = values(upper);
      return {
        observe(result) {
          const { rows, values: activations } = neuronValues(result, channels);
          const observation = new Float32Array(rows);
          for (let row = 0; row < rows; row++) {
            const value = measure.of(activations, row, predictedClassOf(result, row));
            if (value >= 0 && value <= bound)
              observation[row] = 1 + Math.min(buckets - 1, Math.floor((value / bound) * buckets));
          }
          return observation;
        },
        layers: () => [{ name: 'surprise', from: 0, count: 1, elements: buckets }],
      };
    },
  };
}

function surpriseCollector(
  values: ParameterValues,
  settings: CoverageCriterionSettings,
  isDistance: boolean,
): ReferenceCollector {
  const collector = new TraceCollector(settings, values(TRACES));
  return {
    add: (result) => collector.add(result),
    finish() {
      const { reference, classes } = collector.finish();
      if (isDistance && (classes.length < 2 || classes.includes(NO_CLASS)))
        throw new UserError(
          `--measure surprise needs reference inputs of two predicted classes or more, and has ${describeClasses(classes)}; try --measure surprise-likelihood, or give training inputs with --coverage-reference`,
        );
      return reference;
    },
  };
}

function describeClasses(classes: readonly number[]): string {
  if (classes.includes(NO_CLASS)) return 'none: the model has no output with scores for classes';
  return classes.length === 0 ? 'none' : `only class ${classes[0]}`;
}
