import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32Hex } from '../core/checksum.ts';
import { InterruptedError, UserError } from '../core/errors.ts';
import { formatCount, plural } from '../core/format-number.ts';
import { modelName } from '../core/model-name.ts';
import { quote } from '../core/shell-quote.ts';
import { isNoFault } from '../objectives/objective.ts';
import { LOCK_FILE } from '../storage/lock.ts';
import { findingFoldersIn } from '../triage/findings.ts';
import type { FuzzFinding, FuzzOptions, FuzzResult } from './api.ts';
import { fuzzInService } from './fuzz.ts';
import { inputLines } from './input-text.ts';
import { readFuzzFinding } from './read-findings.ts';
import { replayInService } from './replay.ts';
import { type ServiceProcess, withService } from './service-process.ts';

/** Options of the matcher `toSurvive`: those of `fuzz`, with other defaults. */
export interface SurviveOptions extends Omit<FuzzOptions, 'model' | 'overwrite' | 'onFault' | 'onProgress'> {
  /** Folder of findings that are run first: any of them that still fails fails the test. It need not exist yet. */
  readonly regressions?: string | undefined;
  /** Runs that are spent on making a finding smaller; 0 for none. Default: 2000. */
  readonly minimize?: number | undefined;
  /** Run plug-ins that the folder of regressions names, if it was not made on this machine: they are code. */
  readonly trust?: boolean | undefined;
}

/** What a matcher of Jest and Vitest gives. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** Settings of the campaign unless options say otherwise: the same mutants in every run of the test. */
const DEFAULTS = { seed: 'test', jobs: 1, untilFinding: true } as const;
const DEFAULT_EXECS = 10_000;
const DEFAULT_MINIMIZE_TRIES = 2000;

/** Options of the matcher that are no settings of the campaign. */
const OTHER_OPTIONS = ['config', 'signal', 'regressions', 'minimize', 'trust'];

/** Folder of the campaigns whose model did not survive. */
const FOLDER = join('neurofuzz-out', 'tests');

/**
 * Campaigns of a model that are kept there, however old: a test that fails again and again must not fill the disk. Younger ones than an
 * hour may be of the same run of the tests, which names them.
 */
const MAX_KEPT = 10;
const MIN_REMOVED_AGE_MS = 3_600_000;

/**
 * The matcher `await expect('model.onnx').toSurvive({ seeds: 'digits.npz' })`: runs findings of `regressions` again, then a campaign.
 * Passes where neither shows a confirmed fault.
 *
 * @param model path of the model
 * @throws UserError, MachineError as `fuzz` does: the test then fails for another reason than the model
 */
export async function toSurvive(model: unknown, options: SurviveOptions = {}): Promise<MatcherResult> {
  if (typeof model !== 'string')
    throw new UserError(
      `toSurvive takes the path of a model, as in expect('model.onnx').toSurvive(), not a value of type ${typeof model}`,
    );
  return withService(options.signal, {}, async (service) => {
    const regression = await firstRegression(service, model, options);
    if (regression !== undefined) return failed([`${model} fails again: ${regression}`]);
    return survive(service, model, options);
  });
}

/** Says of the first regression how it fails; undefined where none does. */
async function firstRegression(
  service: ServiceProcess,
  model: string,
  { regressions, trust }: SurviveOptions,
): Promise<string | undefined> {
  if (regressions !== undefined && existsSync(regressions) && !(await stat(regressions)).isDirectory())
    throw new UserError(`regressions: ${regressions} is a file: name a folder of findings`);
  // None yet: the folder may be there for git, with a file that keeps it.
  if (regressions === undefined || !existsSync(regressions) || findingFoldersIn(regressions).length === 0)
    return undefined;
  const outcomes = await replayInService(service, [regressions], { model, trust });
  for (const { path, verdict, note } of outcomes) {
    if (verdict === 'fixed') continue;
    if (verdict === 'cannot run') throw new UserError(`${path} cannot be run again: ${note}`);
    const finding = await readFuzzFinding(path);
    if (isNoFault(finding.signature)) continue;
    return [
      `${finding.signature} (${verdict}), a regression of ${path}`,
      ...findingLines(finding),
      '',
      `${finding.replay} --model ${quote(model)}`,
    ].join('\n');
  }
  return undefined;
}

async function survive(
  service: ServiceProcess,
  model: string,
  {
    regressions = 'regressions',
    minimize = DEFAULT_MINIMIZE_TRIES,
    trust: _trust,
    ...options
  }: SurviveOptions,
): Promise<MatcherResult> {
  const { out } = options;
  const folder = out ?? (await createFolder(model));
  let isKept = out !== undefined;
  try {
    const result = await fuzzInService(
      service,
      {
        ...DEFAULTS,
        ...defaultLimit(options),
        ...options,
        model,
        out: folder,
        overwrite: out !== undefined,
      },
      OTHER_OPTIONS,
    );
    const [first] = result.findings;
    if (first === undefined) {
      if (result.stopped === 'interrupted')
        throw new InterruptedError(
          `the signal ended the campaign after ${plural(result.execs, 'mutant')}, and so the model has not survived what was asked for`,
        );
      const mutants = `${formatCount(result.execs)} mutants`;
      return {
        pass: true,
        message: () => `expected ${model} not to survive, and ${mutants} showed no fault`,
      };
    }
    isKept = true;
    const smallest = minimize > 0 ? await smallestOf(service, first, minimize, options.signal) : first;
    if (out === undefined) await removeOldFolders(model);
    // Another test of the model may fail by the same input.
    const test = crc32Hex(JSON.stringify({ ...options, out: undefined, signal: undefined }));
    return failed(
      failureLines(model, result, smallest, join(regressions, `${modelName(model)}-${smallest.id}-${test}`)),
    );
  } finally {
    if (!isKept) await removeFolder(folder);
  }
}

/** Mutants of a campaign that nothing else limits. */
function defaultLimit({ config, preset, time, execs }: SurviveOptions): { readonly execs?: number } {
  const isLimited = [config, preset, time, execs].some((limit) => limit !== undefined);
  return isLimited ? {} : { execs: DEFAULT_EXECS };
}

/** Numbers of the campaigns of a model, the newest first. */
async function folderNumbers(model: string): Promise<number[]> {
  const prefix = `${modelName(model)}-`;
  return (await readdir(FOLDER))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => b - a);
}

const numberedFolder = (model: string, n: number): string => join(FOLDER, `${modelName(model)}-${n}`);

async function removeOldFolders(model: string): Promise<void> {
  for (const n of (await folderNumbers(model)).slice(MAX_KEPT)) {
    const folder = numberedFolder(model, n);
    // A test beside this one may have removed it.
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }));
    const isOld = Date.now() - mtimeMs > MIN_REMOVED_AGE_MS && !existsSync(join(folder, LOCK_FILE));
    if (isOld) await rm(folder, { recursive: true, force: true });
  }
}

/** Creates a folder of its own for a campaign: tests run beside each other. */
async function createFolder(model: string): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  const [newest = 0] = await folderNumbers(model);
  for (let n = newest + 1; ; n++) {
    const folder = numberedFolder(model, n);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Removes a campaign that found nothing, and the folders above it that are empty then. */
async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await rmdir(FOLDER)
    .then(() => rmdir(dirname(FOLDER)))
    .catch(() => {});
}

/** The smallest variant of a finding that is found; the finding itself where none is. */
async function smallestOf(
  service: ServiceProcess,
  finding: FuzzFinding,
  tries: number,
  signal: AbortSignal | undefined,
): Promise<FuzzFinding> {
  // Where the signal ends it, the finding is there all the same.
  const paths = await service.call('minimize', { paths: [finding.path], tries }).catch((error: unknown) => {
    if (signal?.aborted) return [];
    throw error;
  });
  const smaller = await Promise.all(paths.map(readFuzzFinding));
  const sizeOf = ({ distance: { edits, l0 } }: FuzzFinding): number => edits ?? l0;
  return [finding, ...smaller].reduce((least, variant) =>
    sizeOf(variant) < sizeOf(least) ? variant : least,
  );
}

/** @param kept folder for the finding as a regression test; by its input, so that it is the same wherever the test runs */
function failureLines(
  model: string,
  { campaign, execs, seed, faults }: FuzzResult,
  finding: FuzzFinding,
  kept: string,
): string[] {
  const others = faults.filter(({ signature, confirmed }) => confirmed && signature !== finding.signature);
  const parts = ['campaign.yaml', 'findings', 'copy'].map((name) => join(campaign, name)).filter(existsSync);
  return [
    `${model} fails after ${formatCount(execs)} mutants (seed ${seed}): ${finding.signature}`,
    ...findingLines(finding),
    ...others.map(({ signature, summary }) => `also ${signature}: ${summary}`),
    '',
    'To keep the finding as a regression test, and to run it again:',
    `mkdir -p ${quote(kept)} && cp -r ${parts.map(quote).join(' ')} ${quote(kept)}`,
    finding.replay,
  ];
}

function findingLines(finding: FuzzFinding): string[] {
  const where = finding.status === 'batch-dependent' ? ' in its batch, and not alone' : '';
  return [finding.summary, ...inputLines(finding), `reproduced ${finding.reproduced}${where}`];
}

function failed(lines: readonly string[]): MatcherResult {
  const text = ['expect(model).toSurvive(options)', '', ...lines].join('\n');
  return { pass: false, message: () => text };
}
