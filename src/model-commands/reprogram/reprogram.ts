import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { modelName } from '../../core/model-name.ts';
import type { OnProgress } from '../../core/progress.ts';
import { randomStream } from '../../core/random.ts';
import type { ModelInfo } from '../../model/model.ts';
import { argmax } from '../../objectives/output-difference.ts';
import type { ProgramMethod } from '../../reprogram/train-program.ts';
import { findWeightLayers } from '../../saliency/layers.ts';
import { checkFolder } from '../../storage/check-folder.ts';
import { loadOptions, mainFile, modelPath } from '../../storage/load-options.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { availableCores } from '../../workers/resource-limits.ts';
import { hidesWeights } from '../contest-threat.ts';
import { withSessions } from '../with-sessions.ts';
import { recordTurned } from './findings.ts';
import { type PreparedProgram, prepare, type ReprogramOptions, type TestedProgram } from './prepare.ts';
import type { ProgramRow, ReprogramReport } from './report.ts';
import { checkThreatModel } from './threat.ts';
import { writePrograms } from './write-programs.ts';

/** Version of the object that `reprogram --json` prints. */
const REPROGRAM_VERSION = 1;

/**
 * Searches for a single change that sends inputs never seen to a class.
 *
 * @throws UserError where there are no labels, too few inputs, no class output, or the place has nothing to write on
 */
export async function reprogram(
  config: CampaignConfig,
  options: ReprogramOptions,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<ReprogramReport> {
  if (config.seeds === undefined) throw new UserError('there are no inputs to change: set --seeds');
  if (config.labels === undefined)
    throw new UserError('without --labels nobody knows which inputs have another class: set --labels');
  checkThreatModel(config);
  const folder = config.out ?? join('neurofuzz-out', `${modelName(modelPath(config).asGiven)}-reprogram`);
  await checkFolder(folder, options.overwrite, false);
  const seed = config.seed ?? randomBytes(8).toString('hex');
  return withSessions(config, config.jobs ?? availableCores(), async (sessions) => {
    const [session] = sessions;
    // An untrained copy is loaded in its place.
    const { info } = session;
    const prepared = await prepare(session, { ...config, seed }, options, notices);
    const method = await methodOf(session, { ...config, seed }, options.method, prepared, notices);
    const targets = options.to ?? Array.from({ length: prepared.classes }, (_, k) => k);
    const training = { config, seed, method, options, prepared };
    const tested = await trainAll(sessions, targets, training, 'training programs', onProgress);
    const plain = await run(session, prepared, new Float64Array(prepared.placement.mask.length), true);
    const controls = options.hasControl
      ? {
          random: await runRandom(session, prepared, seed),
          untrained: await onUntrainedCopy(sessions, config, info, seed, () =>
            trainAll(sessions, targets, training, 'training controls', onProgress),
          ),
        }
      : undefined;
    const rows = tested.map(
      ({ to, trained, logits }, i): ProgramRow => ({
        to,
        success: successOf(logits, prepared.testLabels, to),
        control: {
          none: successOf(plain, prepared.testLabels, to),
          random: controls === undefined ? null : successOf(controls.random, prepared.testLabels, to),
          untrained:
            controls === undefined ? null : successOf(controls.untrained[i].logits, prepared.testLabels, to),
        },
        curve: trained.curve,
        queries: trained.queries,
      }),
    );
    const found = tested.filter((_, i) => isFinding(rows[i], options.allow));
    if (rows.some(({ control }) => control.none === 1))
      notices.warn('the model ignores its input: it gives all test inputs one class without a change');
    await session.load(modelPath(config).absolute, loadOptions(config));
    const { findings, threatModel } = await recordTurned(
      session,
      { config: { ...config, seed, out: folder }, overwrite: options.overwrite },
      found,
      prepared,
      notices,
      onProgress,
    );
    const { format, sha256 } = info;
    const { placement, train, test } = prepared;
    const report: ReprogramReport = {
      formatVersion: REPROGRAM_VERSION,
      mode: 'universal',
      model: { path: modelPath(config).asGiven, format, sha256 },
      seed,
      place: placement.mode,
      values: placement.mask.reduce((sum, isInside) => sum + isInside, 0),
      epsilon: placement.mode === 'add' ? placement.epsilon : null,
      method,
      train: train.length,
      test: test.length,
      programs: rows,
      campaign: folder,
      findings,
      ...(threatModel === undefined ? {} : { threatModel }),
    };
    await writePrograms(folder, report, tested, prepared);
    return report;
  });
}

/** Whether a program leads more inputs to its class than is allowed, and than go there without it. */
function isFinding({ success, control }: ProgramRow, allow: number): boolean {
  return success > Math.max(allow, control.none);
}

/** Share of the inputs of other classes that get a class; 0 where there are none. */
export function successOf(
  logits: readonly Float64Array[],
  labels: readonly number[],
  target: number,
): number {
  const others = logits.filter((_, i) => labels[i] !== target);
  return others.length === 0 ? 0 : others.filter((row) => argmax(row) === target).length / others.length;
}

/** Along gradients, where there are any. @throws UserError where they are asked for, and the threat model hides the weights */
async function methodOf(
  session: ModelSession,
  config: CampaignConfig & { readonly seed: string },
  asked: ProgramMethod | undefined,
  { train, descriptor, position, rule }: PreparedProgram,
  notices: Notices,
): Promise<ProgramMethod> {
  if (hidesWeights(config)) {
    if (asked === 'gradient')
      throw new UserError('--method: the threat model hides the weights, so there is no gradient: use nes');
    return 'nes';
  }
  if (asked !== undefined) return asked;
  const inputs = [{ index: 0, data: train[0], label: 0 }];
  const context = { seed: config.seed, descriptor, position, threshold: 0, queries: 1, linf: undefined };
  const refusal = await session.gradientRefusal({ inputs, rule, context });
  if (refusal === undefined) return 'gradient';
  notices.info(`no gradients (${refusal}): the search asks for outputs alone`);
  return 'nes';
}

interface Training {
  readonly config: CampaignConfig;
  readonly seed: string;
  readonly method: ProgramMethod;
  readonly options: ReprogramOptions;
  readonly prepared: PreparedProgram;
}

/** Trains a program for each class, and runs the test inputs with it. */
async function trainAll(
  sessions: readonly ModelSession[],
  targets: readonly number[],
  { seed, method, options, prepared }: Training,
  label: string,
  onProgress: OnProgress,
): Promise<TestedProgram[]> {
  const { train, position, placement, rule } = prepared;
  const shares = new Float64Array(targets.length);
  const report = (i: number, share: number): void => {
    shares[i] = share;
    const sum = shares.reduce((total, part) => total + part, 0);
    const inner = {
      label: 'its class',
      done: Math.round(100 * (sum % 1)),
      total: 100,
      unit: '%',
      units: '%',
    };
    onProgress({
      label,
      done: Math.floor(sum),
      total: targets.length,
      unit: 'class',
      units: 'classes',
      inner,
    });
  };
  const tested = new Array<TestedProgram>(targets.length);
  let next = 0;
  await Promise.all(
    sessions.map(async (session) => {
      while (next < targets.length) {
        const i = next++;
        const to = targets[i];
        const request = { inputs: train, position, placement, rule, target: to, method, seed };
        const { steps, queries } = options;
        const trained = await session.trainProgram({ ...request, steps, queries }, (share) =>
          report(i, share),
        );
        tested[i] = { to, trained, logits: await run(session, prepared, trained.weights) };
        report(i, 1);
      }
    }),
  );
  return tested;
}

/** Logits of the test inputs with a program. @param isNone whether they are run as they are */
function run(
  session: ModelSession,
  { test, position, placement, rule }: PreparedProgram,
  weights: Float64Array,
  isNone = false,
): Promise<Float64Array[]> {
  const place = isNone ? { ...placement, mask: new Uint8Array(placement.mask.length) } : placement;
  return session.runProgram({ inputs: test, weights, position, placement: place, rule });
}

/** Large enough for tanh to be 1. */
const SATURATED = 20;

/** Logits with a program of random signs: each value is changed by as much as is allowed. */
function runRandom(session: ModelSession, prepared: PreparedProgram, seed: string): Promise<Float64Array[]> {
  const random = randomStream(seed, 'reprogram', 'random');
  const weights = Float64Array.from(prepared.placement.mask, () =>
    random.below(2) === 0 ? -SATURATED : SATURATED,
  );
  return run(session, prepared, weights);
}

/** Loads a copy with permuted weights into all sessions meanwhile. */
async function onUntrainedCopy<T>(
  sessions: readonly ModelSession[],
  config: CampaignConfig,
  { graph }: Pick<ModelInfo, 'graph'>,
  seed: string,
  use: () => Promise<T>,
): Promise<T> {
  const path = modelPath(config).absolute;
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-reprogram-'));
  try {
    const [session] = sessions;
    const constants = findWeightLayers(graph).flatMap((layer) => layer.constants);
    const draws = { kind: 'permute', seed, repeat: 0 } as const;
    const files = await session.randomize({ path, constants, draws });
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    const copy = join(folder, mainFile([...files.keys()]));
    for (const loaded of sessions) await loaded.load(copy, loadOptions(config));
    return await use();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
