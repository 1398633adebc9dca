import { createHash } from 'node:crypto';
import { relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { BatchDependence } from '../analysis/batch-dependence/describe-dependence.ts';
import {
  rebaseMutatorSpec,
  rebaseObjectiveSpec,
  rebaseSpec,
  rebaseThreatModel,
} from '../config/rebase-paths.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { CODEPOINTS, groupByInput } from '../config/values.ts';
import { ResumeMismatchError } from '../core/errors.ts';
import { VERSION } from '../core/package-files.ts';
import { quote } from '../core/shell-quote.ts';
import { DEFAULT_FEEDBACK, type FeedbackName } from '../coverage/feedback/registry.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { parseLabelSource } from '../inputs/labels.ts';
import { testcaseId } from '../inputs/testcase.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import type { WatchedTensors } from '../model/coverage-tensors.ts';
import type { ModelInfo } from '../model/model.ts';
import type { PairNoise } from '../model/pair-noise.ts';
import { NO_MUTATOR } from '../mutators/registry.ts';
import { objectiveSpecs } from '../objectives/registry.ts';
import type { LatentReport } from '../workers/extra-models/latent-models.ts';
import type { ModelIdentity } from '../workers/services/rerun-service.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';
import type { FixedBatch } from './resolve/sizes/open-batch.ts';
import type { SizeChanges } from './resolve/sizes/size-changes.ts';
import type { Workload } from './resolve/sizes/workload.ts';
import { attackedBy } from './threat-model/success.ts';

/** Resolved values that campaign.yaml records. */
export interface ResolvedCampaign {
  readonly folder: string;
  readonly masterSeed: string;
  readonly model: ModelInfo;
  readonly batch: number;
  readonly modelPath: string;
  /** The model under attack; undefined where the search runs on it itself, and not on a surrogate. */
  readonly attacked: Pick<ModelIdentity, 'sha256' | 'runtime'> | undefined;
  /** Digest of the model that tells plausible inputs; undefined where the threat model names none. */
  readonly plausibleSha256: string | undefined;
  /** Digests of the models of a latent space, that of the encoder empty for a generator; undefined where there is none. */
  readonly latent: Pick<LatentReport, 'encoderSha256' | 'decoderSha256'> | undefined;
  /** Digests of the judges, in their order; none without any. */
  readonly judgeSha256: readonly string[];
  /** The path as the user wrote it when the campaign began: findings name the model so. */
  readonly modelGiven: string;
  /** The same of the second model of a pair. */
  readonly secondModelGiven: string | undefined;
  readonly watched: WatchedTensors;
  readonly threshold: number;
  /** Entries after which the corpus grows no more. */
  readonly maxCorpus: number;
  readonly feedback: FeedbackName;
  readonly workload: Workload;
  readonly fixedBatch: FixedBatch | undefined;
  readonly batchDependence: BatchDependence | undefined;
  readonly sizeChanges: SizeChanges;
  /** How far gaps move in the models of a pair; undefined where that was not measured. */
  readonly noise: PairNoise | undefined;
  readonly bounds: number | undefined;
  readonly inputs: ResolvedInputs;
  /** Ids of the testcases of older campaigns. */
  readonly importIds: readonly string[];
}

/** Content of campaign.yaml: settings that reproduce the campaign, and the facts they were resolved from. */
export type ResolvedSettings = Readonly<Record<string, unknown>> & {
  readonly resolved: Readonly<Record<string, unknown>>;
};

export function resolvedSettings(config: CampaignConfig, resolved: ResolvedCampaign): ResolvedSettings {
  const {
    folder,
    masterSeed,
    model,
    batch,
    modelPath,
    attacked,
    plausibleSha256,
    latent,
    judgeSha256,
    modelGiven,
    secondModelGiven,
    watched,
    threshold,
    maxCorpus,
    feedback,
    workload,
    fixedBatch,
    batchDependence,
    sizeChanges,
    noise,
    bounds,
    inputs,
    importIds,
  } = resolved;
  const here = (file: string): string => relative(resolve(folder), resolve(file));
  const names = model.inputs.map((input) => input.name);
  const placed = (setting: CampaignConfig['seeds']): string[] => {
    const places = groupByInput(setting, names);
    return [...places.forAll.map(here), ...[...places.byName].map(([name, file]) => `${name}=${here(file)}`)];
  };
  const files = (['seeds', 'fixed', 'dictionary', 'coverageReference'] as const).map(
    (key) => [key, placed(config[key])] as const,
  );
  const specs = (list: readonly string[]): string | readonly string[] => {
    const moved = list.map((spec) => rebaseMutatorSpec(spec, here));
    return moved.length === 0 ? NO_MUTATOR : moved.length === 1 ? moved[0] : moved;
  };
  const tokens = Object.entries(config.tokens ?? {}).map(([name, input]) => {
    const { vocabulary } = input;
    const isFile = vocabulary !== undefined && vocabulary !== CODEPOINTS;
    return [name, isFile ? { ...input, vocabulary: here(vocabulary) } : input] as const;
  });
  const settings = {
    ...config,
    model: here(modelPath),
    ...(config.against === undefined ? {} : { against: here(config.against) }),
    ...(config.encoder === undefined ? {} : { encoder: here(config.encoder) }),
    ...(config.decoder === undefined ? {} : { decoder: here(config.decoder) }),
    ...(config.generator === undefined ? {} : { generator: here(config.generator) }),
    ...(config.judge === undefined ? {} : { judge: [config.judge].flat().map(here) }),
    ...(config.labels === undefined || !isLabelFile(config.labels) ? {} : { labels: here(config.labels) }),
    ...(config.threatModel === undefined ? {} : { threatModel: rebaseThreatModel(config.threatModel, here) }),
    ...(config.corpus === undefined ? {} : { corpus: [config.corpus].flat().map(here) }),
    measure: rebaseSpec(config.measure, here),
    scheduler: rebaseSpec(config.scheduler, here),
    objective: objectiveSpecs(config.objective).map((spec) => rebaseObjectiveSpec(spec, here)),
    ...Object.fromEntries(files.filter(([, paths]) => paths.length > 0)),
    ...(tokens.length > 0 ? { tokens: Object.fromEntries(tokens) } : {}),
    ...(config.generate === undefined || config.generate.vocabulary === CODEPOINTS
      ? {}
      : { generate: { ...config.generate, vocabulary: here(config.generate.vocabulary) } }),
    mutator: Object.fromEntries(names.map((name, i) => [name, specs(inputs.mutators[i])])),
    coverage: [...watched.tensors],
    runtime: attacked?.runtime ?? model.runtime.kind,
    batch,
    seed: masterSeed,
  };
  // A preset's settings are recorded one by one: a later version may change what it sets.
  const { out: _out, preset: _preset, half = 'auto', ...others } = settings;
  const halves = emulatedHalves(model);
  // A campaign without judges is recorded as before there were any.
  const { sure, ...withoutSure } = others;
  const kept = {
    ...(config.judge === undefined ? withoutSure : { ...withoutSure, sure }),
    ...(halves === undefined ? {} : { half }),
  };
  const defined = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  return {
    ...defined,
    resolved: {
      neurofuzz: VERSION,
      node: process.version,
      runtime: model.runtime.version,
      modelGiven,
      modelSha256: attacked?.sha256 ?? model.sha256,
      ...(attacked === undefined ? {} : { surrogateSha256: model.sha256 }),
      ...(plausibleSha256 === undefined ? {} : { plausibleSha256 }),
      ...(latent === undefined
        ? {}
        : latent.encoderSha256 === ''
          ? { generatorSha256: latent.decoderSha256 }
          : { encoderSha256: latent.encoderSha256, decoderSha256: latent.decoderSha256 }),
      ...(judgeSha256.length === 0 ? {} : { judgeSha256: [...judgeSha256] }),
      ...(model.secondModel === undefined
        ? {}
        : {
            copySha256: model.secondModel.sha256,
            copyRuntime: model.secondModel.runtime.version,
            copyGiven: secondModelGiven,
          }),
      ...(model.generation === undefined ? {} : { generationSha256: model.generation.sha256 }),
      ...(halves === undefined ? {} : { half: halves }),
      seedsSha256: seedsDigest(inputs),
      ...(config.threatModel === undefined
        ? {}
        : { attackedSeeds: attackedBy(config.threatModel, inputs.seeds)?.seeds }),
      ...(importIds.length === 0
        ? {}
        : { corpusSha256: createHash('sha256').update(importIds.join()).digest('hex') }),
      ...(inputs.reference === undefined
        ? {}
        : { coverageReferenceSha256: testcasesDigest(inputs.reference) }),
      threshold,
      maxCorpus,
      workload,
      ...(fixedBatch === undefined ? {} : { fixedBatch }),
      ...(batchDependence === undefined ? {} : { batchDependence }),
      ...(Object.values(sizeChanges).every(({ length }) => length === 0) ? {} : { sizeChanges }),
      ...(noise === undefined ? {} : { noise }),
      ...(bounds === undefined ? {} : { bounds }),
      // Folders of campaigns with the default are as they were before there was a choice.
      ...(feedback === DEFAULT_FEEDBACK ? {} : { feedback }),
      inputs: stripBatchDimension(inputs.inputs).map(({ name, type, shape, strings }, i) => ({
        name,
        type,
        shape: [...shape],
        ...(strings === undefined ? {} : { strings: true }),
        range: [inputs.descriptors[i].range.low, inputs.descriptors[i].range.high],
        ...(config.threatModel === undefined ? {} : checkedFacts(inputs.descriptors[i])),
      })),
      outputs: [...model.outputs],
    },
  };
}

/** Facts of an input that the check of findings against a threat model needs beside its range. */
function checkedFacts({ range: { channels, channelsFirst }, tokens }: InputDescriptor): object {
  return {
    ...(channels === undefined
      ? {}
      : { channels: channels.map(({ low, high }) => [low, high]), channelsFirst: channelsFirst === true }),
    ...(tokens === undefined ? {} : { tokens: tokens.pad === undefined ? {} : { pad: tokens.pad } }),
  };
}

/** How the model, and the second one of a pair, compute in emulated half precision; undefined where neither does. */
function emulatedHalves({ half, secondModel }: ModelInfo): object | undefined {
  const copy = secondModel?.half;
  if (half === undefined && copy === undefined) return undefined;
  return { ...(half === undefined ? {} : { model: half }), ...(copy === undefined ? {} : { copy }) };
}

function isLabelFile(setting: string): boolean {
  return parseLabelSource(setting).kind === 'file';
}

function testcasesDigest(testcases: ResolvedInputs['seeds']): string {
  const hash = createHash('sha256');
  for (const testcase of testcases) hash.update(testcaseId(testcase));
  return hash.digest('hex');
}

function seedsDigest({ seeds, labels }: ResolvedInputs): string {
  const hash = createHash('sha256');
  for (const seed of seeds) hash.update(testcaseId(seed));
  if (labels !== undefined) hash.update(JSON.stringify(seeds.map((seed) => labels.get(seed))));
  return hash.digest('hex');
}

/** Settings that may differ when a campaign is resumed: how long and how fast, not what. */
const CHANGEABLE_SETTINGS = new Set([
  'jobs',
  'time',
  'execs',
  'memory',
  'minExecs',
  'maxDisk',
  'formatVersion',
]);

/** Settings that name files: these may lie elsewhere when a campaign is resumed, since digests of their content are recorded. */
const PATH_SETTINGS = new Set([
  'model',
  'against',
  'encoder',
  'decoder',
  'generator',
  'judge',
  'seeds',
  'labels',
  'corpus',
  'coverageReference',
]);

/** @throws ResumeMismatchError naming the first of these facts that differs */
function checkFactsUnchanged(
  folder: string,
  recorded: ResolvedSettings,
  now: ResolvedSettings,
  facts: readonly string[],
): void {
  const changed = facts.find((key) => !isDeepStrictEqual(recorded.resolved[key], now.resolved[key]));
  // A campaign on a surrogate takes no older testcases.
  const takesOver = recorded.resolved.surrogateSha256 === undefined;
  if (changed !== undefined)
    throw new ResumeMismatchError(
      `${RECORDED_FACTS[changed]} changed since`,
      `${RESTORABLE[changed] ?? 'put back what the campaign began with'}, start over with --overwrite, or start another campaign with --out <dir>${takesOver ? ` --corpus ${quote(folder)}, which takes the testcases over` : ''}`,
    );
}

/** Facts whose change makes another campaign of it, as people call them. */
const RECORDED_FACTS: Readonly<Record<string, string>> = {
  modelSha256: 'the model has',
  surrogateSha256: 'the surrogate has',
  plausibleSha256: 'the model of threatModel.plausible has',
  encoderSha256: 'the model of --encoder has',
  decoderSha256: 'the model of --decoder has',
  generatorSha256: 'the model of --generator has',
  judgeSha256: 'the models of --judge have',
  copySha256: 'the second model has',
  generationSha256: 'the vocabulary has',
  seedsSha256: 'the seeds have',
  corpusSha256: 'the testcases of --corpus have',
  coverageReferenceSha256: 'the inputs of --coverage-reference have',
  inputs: "the model's inputs have",
  outputs: "the model's outputs have",
  feedback: "the coverage criterion's feedback has",
};

/** How to undo the change of a fact, where files that the user has can be put back. */
const RESTORABLE: Readonly<Record<string, string>> = {
  seedsSha256: 'give the seeds and labels that the campaign began with',
  corpusSha256: 'give the --corpus that the campaign began with',
  coverageReferenceSha256: 'give the --coverage-reference that the campaign began with',
};

/**
 * Refuses to resume as another campaign than the recorded one.
 *
 * @returns what else is new, for a warning: versions
 * @throws UserError naming the first difference
 */
export function checkResumable(folder: string, recorded: ResolvedSettings, now: ResolvedSettings): string[] {
  const another = `${folder} can only be resumed with the settings that it began with: undo this, start over with --overwrite, or start another campaign with --out`;
  // What was recorded went through YAML, which knows no undefined.
  const plain = JSON.parse(JSON.stringify(now)) as ResolvedSettings;
  // The model first: settings that were inferred from another one differ too, and would be blamed instead.
  checkFactsUnchanged(folder, recorded, plain, ['modelSha256']);
  for (const key of new Set([...Object.keys(recorded), ...Object.keys(plain)])) {
    const mayDiffer = CHANGEABLE_SETTINGS.has(key) || PATH_SETTINGS.has(key) || key === 'resolved';
    if (mayDiffer || isDeepStrictEqual(recorded[key], plain[key])) continue;
    const [was, is] = [recorded, plain].map((settings) => JSON.stringify(settings[key] ?? 'not set'));
    throw new ResumeMismatchError(`${key} was ${was} and is now ${is}`, another);
  }
  checkFactsUnchanged(folder, recorded, plain, Object.keys(RECORDED_FACTS));
  return ['neurofuzz', 'node', 'runtime'].flatMap((key) =>
    recorded.resolved[key] === plain.resolved[key]
      ? []
      : [`${key} was ${recorded.resolved[key]} and is now ${plain.resolved[key]}`],
  );
}
