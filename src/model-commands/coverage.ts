import { resolveInputs } from '../campaign/resolve/inputs.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { CampaignConfig, InputConfig, ModelConfig } from '../config/schema.ts';
import { namingFlag, UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { OnProgress, Progress } from '../core/progress.ts';
import {
  CRITERIA,
  criterionHelp,
  measurableCriteria,
  needsReference,
  usesReference,
} from '../coverage/registry.ts';
import type { CriterionCoverage } from '../evaluation/measure-coverage.ts';
import { reportReferenceFailures } from '../evaluation/run-reference.ts';
import {
  ALL_LAYERS,
  chooseWatchedTensors,
  resolveWatchedTensors,
  type WatchedTensors,
} from '../model/coverage-tensors.ts';
import { findLayers } from '../model/graph/weighted-layers.ts';
import type { ModelInfo } from '../model/model.ts';
import { modelPath } from '../storage/load-options.ts';
import { withModelSession } from '../workers/model-session.ts';

/** Version of the object that `coverage --json` prints. */
const COVERAGE_VERSION = 1;

/** Steps of a measurement: loading the model and the inputs, running them. */
const STEPS = 2;

/** Settings of `coverage`. */
export type CoverageConfig = ModelConfig &
  InputConfig &
  Pick<Partial<CampaignConfig>, 'coverageReference'> & {
    /** Tensors whose neurons count; all layers by default. */
    readonly coverage?: CampaignConfig['coverage'] | undefined;
    /** Specs of the criteria; all that suit the model by default. */
    readonly measure?: readonly string[] | undefined;
    /** Paths of a second test set. */
    readonly compare?: InputConfig['seeds'];
  };

/** What test sets cover. */
export interface CoverageReport {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  /** Inputs in each test set: the seeds, and those to compare them with. */
  readonly sets: readonly { readonly name: string; readonly inputs: number }[];
  /** Inputs that ranges and densities are of, and whether they are the seeds themselves. */
  readonly reference: { readonly inputs: number; readonly isSeeds: boolean };
  readonly coverage: { readonly tensors: readonly string[]; readonly why: string };
  readonly criteria: readonly (CriterionCoverage & { readonly help: string })[];
  /** Criteria that do not suit the model or the inputs, and why. */
  readonly omitted: readonly { readonly criterion: string; readonly reason: string }[];
}

/**
 * Measures what one or two test sets cover.
 *
 * @throws UserError where there are no inputs, or a criterion that was asked for does not suit the model
 */
export async function reportCoverage(
  config: CoverageConfig,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<CoverageReport> {
  if (config.seeds === undefined) throw new UserError('there are no inputs to measure: set --seeds');
  const specs = [...new Set(config.measure ?? measurableCriteria())];
  for (const spec of specs) CRITERIA.check(spec);
  if (config.coverageReference !== undefined && specs.every((spec) => comparesWithReference(spec) === false))
    throw new UserError(
      `--coverage-reference: ${specs.join(', ')} measured on a test set ${specs.length === 1 ? 'compares' : 'compare'} with no reference inputs; remove it, or choose other criteria (neurofuzz coverage lists them)`,
    );
  const steps = (done: number, inner?: Progress): void =>
    onProgress({ label: 'measuring coverage', done, total: STEPS, unit: 'step', inner });
  steps(0);
  return withModelSession({ ...config, model: modelPath(config).absolute }, async (session) => {
    const model = session.info;
    const watched = tensorsToMeasure(model, config.coverage ?? ALL_LAYERS);
    const { seeds, reference } = await resolveInputs(model, config, '', notices);
    const others =
      config.compare === undefined
        ? undefined
        : (
            await namingFlag('--compare', () =>
              resolveInputs(model, { ...config, seeds: config.compare }, '', { ...notices, info: () => {} }),
            )
          ).seeds;
    const sets = others === undefined ? [seeds] : [seeds, others];
    if (reference === undefined && specs.some((spec) => comparesWithReference(spec) === true))
      notices.info(
        'The seeds are their own reference: nothing lies outside their ranges. Give training inputs with --coverage-reference.',
      );
    steps(1);
    const request = {
      tensors: watched.tensors,
      sets,
      reference: reference ?? seeds,
      settings: { seed: '', varying: sets.flat().some(({ form }) => form.key !== seeds[0].form.key) },
    };
    const total = sets.flat().length + request.reference.length;
    const criteria: CriterionCoverage[] = [];
    let failed: readonly number[] = [];
    let failedReference = 0;
    const omitted: { criterion: string; reason: string }[] = [];
    const measure = async (measured: readonly string[]): Promise<void> => {
      const measurements = await session.measureCoverage({ ...request, criteria: measured }, (share) =>
        steps(1, { label: 'running', done: Math.round(share * total), total, unit: 'input' }),
      );
      criteria.push(...measurements.criteria);
      failed = measurements.failed;
      failedReference = Math.max(failedReference, measurements.failedReference);
    };
    try {
      await measure(specs);
    } catch (error) {
      // By default, all criteria that suit the model: each by itself where one does not.
      if (config.measure !== undefined || !(error instanceof UserError)) throw error;
      for (const criterion of specs)
        try {
          await measure([criterion]);
        } catch (reason) {
          if (!(reason instanceof UserError)) throw reason;
          omitted.push({ criterion, reason: reason.message });
        }
    }
    if (reference !== undefined)
      reportReferenceFailures(failedReference, reference.length, true, (text) => notices.warn(text));
    failed.forEach((count, i) => {
      if (count > 0)
        notices.warn(
          `the model fails on ${count} of ${plural(sets[i].length, 'input')} of ${nameOfSet(i)}: they are left out`,
        );
    });
    return {
      formatVersion: COVERAGE_VERSION,
      model: { path: modelPath(config).asGiven, format: model.format, sha256: model.sha256 },
      sets: sets.map((set, i) => ({ name: nameOfSet(i), inputs: set.length })),
      reference: { inputs: request.reference.length, isSeeds: reference === undefined },
      coverage: watched,
      criteria: criteria.map((measured) => ({ ...measured, help: criterionHelp(measured.criterion) })),
      omitted,
    };
  });
}

/** Whether a criterion compares a test set with reference inputs; undefined for a module, which is not loaded. NLC does so in campaigns alone. */
function comparesWithReference(spec: string): boolean | undefined {
  return usesReference(spec) === true ? needsReference(spec) : usesReference(spec);
}

function nameOfSet(index: number): string {
  return index === 0 ? 'seeds' : 'compared';
}

/** The tensors that a setting chooses; of a model without layers, what `auto` chooses in place of them. */
function tensorsToMeasure(model: ModelInfo, coverage: CampaignConfig['coverage']): WatchedTensors {
  if (coverage === ALL_LAYERS && findLayers(model).length === 0) return chooseWatchedTensors(model);
  return resolveWatchedTensors(model, coverage);
}
