import { UserError } from '../core/errors.ts';
import type { CoverageCriterionSettings, CriterionLayer, ResolvedCriterion } from '../coverage/criterion.ts';
import { LayerCovariances } from '../coverage/feedback/covariance-feedback.ts';
import { ElementSet } from '../coverage/feedback/element-set.ts';
import { isFiniteVector } from '../coverage/observation.ts';
import { makeReferenceCollector, resolveCriterion } from '../coverage/registry.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch } from '../model/testcase-batch.ts';
import { runInHalves } from './run-in-halves.ts';

/** What test sets are measured by. */
export interface CoverageRequest {
  /** Specs of the criteria. */
  readonly criteria: readonly string[];
  /** Tensors whose neurons count. */
  readonly tensors: readonly string[];
  /** Test sets, each measured by itself. */
  readonly sets: readonly (readonly TestcaseData[])[];
  /** Inputs that ranges, densities and covariances are of. */
  readonly reference: readonly TestcaseData[];
  readonly settings: Pick<CoverageCriterionSettings, 'seed' | 'varying' | 'layout'>;
  readonly maxRows: number;
}

/** Coverage of one layer. */
export interface LayerCoverage {
  readonly tensor: string;
  readonly neurons: number;
  /** Elements that are covered, of all that can be; of covariances, the mean magnitude and null. */
  readonly covered: number;
  readonly total: number | null;
}

/** Coverage of a test set by one criterion. */
export interface SetCoverage {
  readonly covered: number;
  /** All elements that can be covered; null where there is no such number. */
  readonly total: number | null;
  /** By layer, in topological order; empty where the criterion joins all layers. */
  readonly layers: readonly LayerCoverage[];
}

/** What a criterion says of each test set. */
export interface CriterionCoverage {
  readonly criterion: string;
  readonly sets: readonly SetCoverage[];
}

/** What criteria say of test sets. */
export interface CoverageMeasurements {
  readonly criteria: readonly CriterionCoverage[];
  /** Of each test set, the number of inputs that the model fails on, which cover nothing. */
  readonly failed: readonly number[];
  /** Of the reference, the number of inputs that the model fails on, which do not count. */
  readonly failedReference: number;
}

/**
 * Measures how much test sets cover.
 *
 * @param onShare called between runs with the share of the work that is done
 * @throws UserError where a criterion does not suit the model, or compares distances and so covers nothing
 */
export async function measureCoverage(
  model: BatchedModel,
  request: CoverageRequest,
  onShare: (share: number) => void,
): Promise<CoverageMeasurements> {
  const { criteria, sets, reference } = request;
  const total = sets.reduce((sum, { length }) => sum + length, reference.length);
  let ran = 0;
  const onRows = (rows: number): void => {
    ran += rows;
    onShare(ran / total);
  };
  const { resolved, failedReference } = await resolveWithReference(model, request, onRows);
  const coverages = criteria.map((): SetCoverage[] => []);
  const failed: number[] = [];
  for (const testcases of sets) {
    const tallies = resolved.map((criterion) => makeTally(criterion));
    const failures = await visitRuns(model, testcases, request, (result) => {
      for (const tally of tallies) tally.add(result);
      onRows(result.rows);
    });
    if (failures === testcases.length) throw new UserError('the model fails on every input of a test set');
    failed.push(failures);
    tallies.forEach((tally, i) => void coverages[i].push(tally.coverage()));
  }
  return {
    criteria: criteria.map((criterion, i) => ({ criterion, sets: coverages[i] })),
    failed,
    failedReference,
  };
}

/** The criteria, with what they need to know of the reference inputs. */
async function resolveWithReference(
  model: BatchedModel,
  request: CoverageRequest,
  onRows: (rows: number) => void,
): Promise<{ readonly resolved: readonly ResolvedCriterion[]; readonly failedReference: number }> {
  const { criteria, reference, settings } = request;
  const collectors = await Promise.all(criteria.map((spec) => makeReferenceCollector(spec, settings, false)));
  const failedReference = await visitRuns(model, reference, request, (result) => {
    for (const collector of collectors) collector?.add(result);
    onRows(result.rows);
  });
  if (failedReference === reference.length && collectors.some((collector) => collector !== undefined))
    throw new UserError('the model fails on every input that coverage compares with');
  const resolved = await Promise.all(
    criteria.map((spec, i) => {
      const collected = collectors[i]?.finish();
      return resolveCriterion(spec, { ...settings, ...(collected && { reference: collected }) });
    }),
  );
  return { resolved, failedReference };
}

/** Runs testcases and returns the number of those that the model fails on. */
async function visitRuns(
  model: BatchedModel,
  testcases: readonly TestcaseData[],
  { tensors, maxRows }: CoverageRequest,
  visit: (result: BatchResult) => void,
): Promise<number> {
  let failures = 0;
  for (const batch of groupIntoBatches(
    testcases,
    ({ form }) => form,
    Math.min(maxRows, model.maxBatchSize),
  )) {
    const run = (from: number, to: number) => model.run(packBatch(batch.slice(from, to)), to - from, tensors);
    for await (const outcome of runInHalves(0, batch.length, run)) {
      if ('result' in outcome) visit(outcome.result);
      else failures++;
    }
  }
  return failures;
}

/** Counts what the runs so far cover. */
interface CoverageTally {
  add(result: BatchResult): void;
  coverage(): SetCoverage;
}

function makeTally(criterion: ResolvedCriterion): CoverageTally {
  if (criterion.feedback === 'set') return new ElementTally(criterion);
  if (criterion.feedback === 'covariance') return new CovarianceTally(criterion);
  throw new UserError(
    '--measure: criteria that compare distances, such as norm, have no share that a test set covers; choose others (neurofuzz coverage lists them)',
  );
}

/** Number of covered elements at each position of the observations. */
class ElementTally implements CoverageTally {
  readonly #criterion: ResolvedCriterion;
  #elements: ElementSet | undefined;
  #counts = new Float64Array(0);

  constructor(criterion: ResolvedCriterion) {
    this.#criterion = criterion;
  }

  add(result: BatchResult): void {
    const observations = this.#criterion.observe(result);
    const width = observations.length / result.rows;
    if (this.#elements === undefined) this.#counts = new Float64Array(width);
    this.#elements ??= new ElementSet(width);
    for (let row = 0; row < result.rows; row++) {
      const observation = observations.subarray(row * width, (row + 1) * width);
      if (!isFiniteVector(observation, 0, width)) continue;
      for (let position = 0; position < width; position++) {
        const value = observation[position];
        if (value !== 0 && !this.#elements.has(position, value)) this.#counts[position]++;
      }
      this.#elements.addAll(observation);
    }
  }

  coverage(): SetCoverage {
    const layers = this.#criterion.layers?.() ?? [];
    const countOf = ({ from, count }: CriterionLayer): number =>
      this.#counts.subarray(from, from + count).reduce((sum, covered) => sum + covered, 0);
    return {
      covered: this.#counts.reduce((sum, covered) => sum + covered, 0),
      total: layers.length === 0 ? null : layers.reduce((sum, { elements }) => sum + elements, 0),
      layers: layers.map((layer) => ({
        tensor: layer.name,
        neurons: layer.count,
        covered: countOf(layer),
        total: layer.elements,
      })),
    };
  }
}

/** Mean magnitude of the covariances of each layer's neurons. */
class CovarianceTally implements CoverageTally {
  readonly #criterion: ResolvedCriterion;
  readonly #covariances = new LayerCovariances();
  #tensors: readonly string[] = [];

  constructor(criterion: ResolvedCriterion) {
    this.#criterion = criterion;
  }

  add(result: BatchResult): void {
    this.#tensors = result.activations.map(({ name }) => name);
    const observations = this.#criterion.observe(result);
    const width = observations.length / result.rows;
    for (let row = 0; row < result.rows; row++)
      if (isFiniteVector(observations, row * width, width))
        this.#covariances.add(observations, row * width, width, false);
  }

  coverage(): SetCoverage {
    const layers = this.#covariances.layers.map(({ size, norm }, i) => ({
      tensor: this.#tensors[i],
      neurons: size,
      covered: norm,
      total: null,
    }));
    return { covered: this.#covariances.coverage, total: null, layers };
  }
}
