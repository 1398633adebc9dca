import { randomBytes } from 'node:crypto';
import type { Interval } from '../../analysis/numerical-sites/interval.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { parseDuration } from '../../config/values.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { objectiveTensors } from '../../evaluation/judged-batch.ts';
import { parseModuleSpec } from '../../extensions/spec.ts';
import { defaultBatch } from '../../fuzzer/scheduling/task-sizes.ts';
import { type ObjectiveGoal, siteGoals } from '../../fuzzer/search/directed-search.ts';
import { distinctShapes } from '../../inputs/seeds.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { ShapeSignature } from '../../model/batched-model.ts';
import { resolveWatchedTensors, type WatchedTensors, watchOutput } from '../../model/coverage-tensors.ts';
import { countParameters } from '../../model/graph/graph.ts';
import { AFTER_PROMPT_PREFIX } from '../../model/language/generation.ts';
import type { ModelInfo, SecondModelOptions } from '../../model/model.ts';
import { needsCalibration } from '../../model/quantize/derive.ts';
import type { Quantization } from '../../model/quantize/kind.ts';
import { objectiveSpecs } from '../../objectives/registry.ts';
import { modelPath, secondModelOptions } from '../../storage/load-options.ts';
import { readNumber } from '../../tensor/tensor.ts';
import type { ObjectiveDescriptor } from '../../workers/objective-descriptor.ts';
import type { ProbeWorker } from '../../workers/probe-worker.ts';
import type { PluginModule, ProbeResult, WorkerSetup } from '../../workers/worker-setup.ts';
import type { DerivedModel } from '../derived-model.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { type InputPlan, planInputs } from './inputs.ts';
import type { Notices } from './model-settings.ts';

/**
 * Finds out what is fuzzed and how, and prepares the first worker for it.
 *
 * @param derived where a copy that is derived lies, or is to be put
 */
export async function resolveTarget(
  config: CampaignConfig,
  observer: Monitor,
  scout: ProbeWorker,
  derived: DerivedModel,
) {
  const path = modelPath(config);
  const specs = objectiveSpecs(config.objective);
  const objectives = await scout.describeObjectives(specs, pluginModules(config));
  checkLabels(config, objectives);
  const alone = await scout.load();
  observer.info(
    `model ${path.asGiven}: ${alone.format}, on ${alone.runtime.kind} (${alone.runtime.version}): ${alone.runtime.why}`,
  );
  if (alone.generation !== undefined) observer.info(`texts: ${alone.generation.description}`);
  const masterSeed = config.seed ?? randomBytes(8).toString('hex');
  if (config.quantize !== undefined) await checkCalibrationSeeds(config.quantize, config, alone);
  const named = config.quantize === undefined ? await loadNamedModel(config, alone, scout) : undefined;
  const isLabelled = objectives.some(({ labelled }) => labelled === true);
  const inputs = await planInputs(
    alone,
    config,
    masterSeed,
    observer,
    isLabelled && !isBallConstrained(config),
  );
  const copy =
    config.quantize === undefined
      ? named
      : await loadDerivedModel(config.quantize, config, inputs, scout, derived);
  const model = copy?.model ?? alone;
  if (model.secondModel !== undefined) {
    const { format, runtime, outputs } = model.secondModel;
    const matched = [...outputs]
      .map(([own, theirs]) => (own === theirs ? own : `${own}=${theirs}`))
      .join(', ');
    observer.info(
      `compared with ${config.quantize === undefined ? (config.against ?? 'itself') : `its ${config.quantize} copy`}: ${format}, on ${runtime.kind} (${runtime.version}); outputs ${matched}`,
    );
  }
  const forms = distinctShapes(inputs.seeds);
  const [first] = inputs.seeds;
  const { watched, batchLimitReason, largestBatch } = await resolveCoverage(
    model,
    config,
    scout,
    first,
    observer,
  );
  if (batchLimitReason !== undefined) observer.warn(`${batchLimitReason}: batches are of one`);
  await checkTensors(model, objectives, watched.tensors, first, scout);
  const sites = model.sites.length === 0 ? [] : await scout.reachableSites(valueIntervals(inputs));
  const unreachable = new Set(sites.filter(({ targets }) => targets.length === 0).map(({ name }) => name));
  const placing = objectives.some(({ isAttributable }) => isAttributable);
  const traces = placing && countParameters(model.graph) <= MAX_EXPOSED_PARAMETERS;
  if (placing && !traces)
    observer.warn(
      `the model has more than ${MAX_EXPOSED_PARAMETERS / 1e6} million weights, too many for sessions in which tensors are exposed: no margins, and findings are not traced to operations`,
    );
  const climbs = traces && config.guidance === 'auto';
  // What is watched at the end of an answer is not there to be seen before it.
  const canLook = watched.tensors.every((name) => name.startsWith(AFTER_PROMPT_PREFIX));
  const borders = objectives.flatMap(
    ({ name, hasMargins, isTwoSided, marginSignatures, predictsBeforeOutput }): ObjectiveGoal[] =>
      hasMargins && config.guidance === 'auto'
        ? [
            {
              objective: name,
              isTwoSided,
              ...(marginSignatures === undefined ? {} : { marginSignatures }),
              ...(predictsBeforeOutput && canLook ? { predictsBeforeOutput } : {}),
            },
          ]
        : [],
  );
  const points = [
    ...(climbs ? await scout.observableGoals(first, siteGoals(sites), watched.tensors) : []),
    ...borders,
  ];
  const values = Math.max(...forms.map(valueCount));
  const timed = objectives.find((one) => one.timed === true)?.name;
  if (timed !== undefined && (config.batch ?? 1) > 1)
    throw new UserError(`--batch: ${timed} times runs of one testcase each: leave --batch out`);
  if (timed !== undefined)
    observer.info(`${timed}: runs are of one testcase, and what it finds may not come up again`);
  const usual = model.generation === undefined ? defaultBatch(values) : TEXT_BATCH_SIZE;
  const batch = timed === undefined ? Math.min(config.batch ?? usual, largestBatch) : 1;
  const labels = inputs.labels && inputs.seeds.map((seed) => inputs.labels?.get(seed) ?? -1);
  const setup: WorkerSetup = {
    descriptors: inputs.descriptors,
    varying: forms.length > 1 || inputs.lengthChanges !== undefined,
    objectives: specs,
    mutators: inputs.mutators,
    limits: inputs.limits,
    lengthChanges: inputs.lengthChanges,
    watched: watched.tensors,
    goals: points,
    traces,
    criterion: config.measure,
    masterSeed,
    batch,
    keep: config.keep,
    labels: [...new Set(labels)],
    callLimit: callLimitMs(config),
    warm: first,
  };
  await scout.prepare(setup);
  return {
    path,
    model,
    secondModel: copy?.loading,
    masterSeed,
    watched,
    inputs,
    batch,
    comparesLayers: model.secondModel !== undefined && countParameters(model.graph) <= MAX_EXPOSED_PARAMETERS,
    isUnbatched: largestBatch === 1,
    unreachable,
    objectives,
    setup,
  };
}

/** Texts that are gone on with in one run: a run takes as many steps as an answer is long. */
const TEXT_BATCH_SIZE = 64;

/** Modules of the user's beside objectives. */
function pluginModules({ measure, scheduler, mutator }: CampaignConfig): PluginModule[] {
  const specs =
    typeof mutator === 'object' && !Array.isArray(mutator)
      ? Object.values(mutator).flat()
      : [mutator ?? []].flat();
  return [
    ...[parseModuleSpec(measure)].map((one) => ({ flag: '--measure', path: one?.path })),
    ...[parseModuleSpec(scheduler)].map((one) => ({ flag: '--scheduler', path: one?.path })),
    ...specs.map((spec) => ({ flag: '--mutator', path: parseModuleSpec(spec)?.path })),
  ].flatMap(({ flag, path }) => (path === undefined ? [] : [{ flag, path }]));
}

/** Milliseconds that one call of a plug-in may take at most. */
const MAX_CALL_MS = 10_000;

/** Milliseconds that one call of a plug-in may take: less than what ends a worker. */
export function callLimitMs({ timeout }: Pick<CampaignConfig, 'timeout'>): number {
  return Math.min(MAX_CALL_MS, parseDuration(timeout) / 4);
}

/** Whether mutants lie in a ball around their seeds, so small that what those show stays as it is. */
function isBallConstrained({ linf, l2, l0 }: CampaignConfig): boolean {
  return linf !== undefined || l2 !== undefined || l0 !== undefined;
}

/**
 * Refuses labels without an objective that needs them, and the other way round.
 *
 * @throws UserError naming what to do
 */
function checkLabels(config: CampaignConfig, objectives: readonly ObjectiveDescriptor[]): void {
  const { labels, deephunter, edits } = config;
  const needing = objectives.find(({ labelled }) => labelled === true);
  if (needing === undefined) {
    if (labels === undefined) return;
    throw new UserError('--labels are given and no objective asks for them: add --objective misclassified');
  }
  if (labels === undefined)
    throw new UserError(
      `--objective: ${needing.name} needs the class that each seed shows: give --labels labels.npy, or --labels folders`,
    );
  if (!isBallConstrained(config) && deephunter === undefined && edits === undefined)
    throw new UserError(
      `--objective: ${needing.name} needs a constraint that leaves what a seed shows as it is: --linf, --l2, --l0, --deephunter or --edits`,
    );
}

/**
 * Refuses tensors of objectives that the model does not have, or that have no row for each testcase.
 *
 * @throws UserError naming them
 */
async function checkTensors(
  model: ModelInfo,
  objectives: readonly ObjectiveDescriptor[],
  watched: readonly string[],
  first: TestcaseData,
  scout: ProbeWorker,
): Promise<void> {
  const inputs = model.inputs.map(({ name }) => name);
  const known = new Set([...inputs, ...model.watchable]);
  for (const { name, tensors = [] } of objectives) {
    const unknown = tensors.find((tensor) => !known.has(tensor));
    if (unknown !== undefined)
      throw new UserError(
        `--objective: ${name}: the model has no input and no tensor ${unknown}: ${suggestName(unknown, [...known])}; neurofuzz inspect lists them`,
      );
  }
  const needed = objectiveTensors(objectives, model).filter((tensor) => !watched.includes(tensor));
  if (needed.length === 0) return;
  const { unbatchedTensors } = await scout.probe(first, [...watched, ...needed]);
  const bad = unbatchedTensors.find((tensor) => needed.includes(tensor));
  if (bad !== undefined)
    throw new UserError(`--objective: tensor ${bad} has no row for each testcase: take another one`);
}

/** The second model of a pair, loaded beside the first. */
interface LoadedSecondModel {
  readonly model: ModelInfo;
  readonly loading: SecondModelOptions;
}

/** Loads the second model that the settings name, or the model itself once more. */
async function loadNamedModel(
  config: CampaignConfig,
  model: ModelInfo,
  scout: ProbeWorker,
): Promise<LoadedSecondModel | undefined> {
  const loading = secondModelOptions(config);
  if (loading === undefined) return undefined;
  const own = config.against === undefined ? { ...loading, path: model.path } : loading;
  return { model: await scout.loadSecondModel(own), loading: own };
}

/** Loads the copy of the campaign, which is derived from the model where that was not done before. */
async function loadDerivedModel(
  kind: Quantization,
  config: CampaignConfig,
  { seeds }: InputPlan,
  scout: ProbeWorker,
  derived: DerivedModel,
): Promise<LoadedSecondModel> {
  const file = (await derived.find()) ?? (await derived.stage(await scout.deriveQuantizedModel(kind, seeds)));
  const loading = secondModelOptions(config, file) as SecondModelOptions;
  return { model: await scout.loadSecondModel(loading), loading };
}

/** @throws UserError where a copy needs seeds to be calibrated on and there are none */
async function checkCalibrationSeeds(
  kind: Quantization,
  { seeds }: CampaignConfig,
  { path }: ModelInfo,
): Promise<void> {
  if (seeds === undefined && (await needsCalibration(path, kind)))
    throw new UserError(
      `--quantize ${kind} is calibrated on the seeds, and there are none: give some with --seeds`,
    );
}

/**
 * Weights up to which a process may hold sessions in which tensors are exposed, each with a copy of them. A number for
 * all machines and any `--jobs`, so that equal campaigns do the same.
 */
const MAX_EXPOSED_PARAMETERS = 100e6;

/** What the values of each input lie within: their range, and what seeds have. */
function valueIntervals({ descriptors, seeds }: InputPlan): Map<string, Interval> {
  return new Map(
    descriptors.map(({ name, type, range }, i) => {
      let { low, high } = range;
      for (const { inputs } of seeds) {
        for (let k = 0; k < inputs[i].length; k++) {
          const value = readNumber(type, inputs[i], k);
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      return [name, { low, high }];
    }),
  );
}

export type Target = Awaited<ReturnType<typeof resolveTarget>>;

/** What is watched, and how the model takes testcases then. */
interface ResolvedCoverage extends ProbeResult {
  readonly watched: WatchedTensors;
}

/** Settles which tensors are watched, and how many testcases a run may take with them. */
async function resolveCoverage(
  model: ModelInfo,
  config: CampaignConfig,
  scout: ProbeWorker,
  first: TestcaseData,
  notes: Notices,
): Promise<ResolvedCoverage> {
  const watched = resolveWatchedTensors(model, config.coverage);
  if (config.coverage === 'auto') return resolveAutoCoverage(model, watched, scout, first);
  const probed = await scout.probe(first, watched.tensors);
  const asked = new Set(([] as string[]).concat(config.coverage));
  const dropped = probed.unbatchedTensors.filter((name) => !asked.has(name));
  const tensors = watched.tensors.filter((name) => !dropped.includes(name));
  if (dropped.length === 0 || tensors.length === 0) return { watched, ...probed };
  notes.warn(
    `--coverage: ${dropped.length} of the tensors that match have no row for each testcase and are left out, such as ${dropped[0]}`,
  );
  return { watched: { ...watched, tensors }, ...(await scout.probe(first, tensors)) };
}

/** What `auto` finds may be no tensor of numbers, or laid out otherwise than by testcases: then the output. */
async function resolveAutoCoverage(
  model: ModelInfo,
  watched: WatchedTensors,
  scout: ProbeWorker,
  first: TestcaseData,
): Promise<ResolvedCoverage> {
  const probed = await scout.probe(first, watched.tensors).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  });
  if (probed !== undefined && probed.batchLimitReason === undefined) return { watched, ...probed };
  const output = watchOutput(model);
  const again = await scout.probe(first, output.tensors);
  const isNoBetter = again.batchLimitReason !== undefined && probed !== undefined;
  return isNoBetter ? { watched, ...probed } : { watched: output, ...again };
}

function valueCount({ inputs }: ShapeSignature): number {
  return inputs.reduce((sum, { size }) => sum + size, 0);
}
