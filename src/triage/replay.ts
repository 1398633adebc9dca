import { basename, join } from 'node:path';
import type { Repair } from '../analysis/numerical-sites/repairs.ts';
import { ThreatChecker } from '../campaign/obeys.ts';
import { writeAtomically } from '../core/atomic-file.ts';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { type ConfirmationRule, confirmationRule } from '../evaluation/confirmation-runs.ts';
import type { RerunResult } from '../evaluation/rerun-testcase.ts';
import { decodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { FAILURE_KINDS } from '../objectives/crash-signature.ts';
import { isSignatureOf } from '../objectives/objective.ts';
import { objectiveSpecs } from '../objectives/registry.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { type Finding, FORMAT_VERSION } from '../storage/finding.ts';
import {
  BATCH_FILE,
  FINDING_FILE,
  INPUT_FILE,
  REFERENCE_FILE,
  TRANSFORMED_FILE,
} from '../storage/finding-files.ts';
import { findingRepair, readSiteKinds, siteKindsOf } from './finding-repair.ts';
import { exists, findingFoldersIn, readFinding, readFindingFile } from './findings.ts';
import { type OpenCampaign, type OpenCampaignOptions, openCampaign, rerunRequest } from './open-campaign.ts';

export type Verdict = 'still broken' | 'fixed' | 'flaky' | 'cannot run';

/** Result of rerunning one finding. */
export interface ReplayResult {
  readonly path: string;
  readonly id: string;
  readonly signature: string;
  readonly verdict: Verdict;
  /** Matching runs out of all reruns, such as `10/10`. */
  readonly reproduced: string;
  /** Whether it was marked as fixed before, see `markFixed`. */
  readonly markedFixed: boolean;
  /** Description of the fault on one line. */
  readonly summary: string;
  /** Other signatures that were observed, changes of the model, or why it cannot run. */
  readonly note: string;
  /** The usual repair of the operation in which the fault begins; absent where that is not known. */
  readonly repair?: Repair;
  readonly seconds: number;
}

export interface ReplayOptions extends OpenCampaignOptions {
  /** Is told how many findings have been run. */
  readonly onProgress?: OnProgress | undefined;
}

/** Marker file of a fixed finding: if such a finding fails again, it is a regression. */
const FIXED_FILE = 'fixed.json';

/**
 * Reruns findings one after another, each in a new session of the model. A finding that cannot be run is reported as such and
 * does not stop the others.
 *
 * @param paths findings, folders of findings, or campaigns
 * @throws UserError if a path holds no finding, or no finding can be run: then the error of the first one
 */
export async function* replay(
  paths: readonly string[],
  options: ReplayOptions = {},
): AsyncGenerator<ReplayResult> {
  let firstError: UserError | undefined;
  let hasRun = false;
  const unrunnable: ReplayResult[] = [];
  for await (const { result, error } of replayAll(paths, options)) {
    if (error === undefined) {
      hasRun = true;
      yield* unrunnable.splice(0);
      yield result;
      continue;
    }
    firstError ??= error;
    unrunnable.push(result);
  }
  if (!hasRun && firstError !== undefined) throw firstError;
  yield* unrunnable;
}

interface ReplayAttempt {
  readonly result: ReplayResult;
  /** Why the finding cannot be run; undefined if it was. */
  readonly error?: UserError;
}

async function* replayAll(paths: readonly string[], options: ReplayOptions): AsyncGenerator<ReplayAttempt> {
  // All paths are looked into first: one that is wrong is told before anything runs, and the progress has a total.
  const folders: string[] = [];
  for (const path of paths) {
    const found = findingFoldersIn(path);
    if (found.length === 0 && !(await exists(join(path, CAMPAIGN_FILE))))
      throw new UserError(
        `${path} holds no finding: name a finding's folder, a folder of them or a campaign`,
      );
    folders.push(...found);
  }
  for (const [done, folder] of folders.entries()) {
    options.onProgress?.({ label: 'replaying', done, total: folders.length, unit: 'finding' });
    try {
      yield { result: await replayOne(folder, options) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      yield { result: await unrunnableResult(folder, error), error };
    }
  }
}

async function unrunnableResult(folder: string, { message }: UserError): Promise<ReplayResult> {
  const finding = await readFinding(folder, true).catch(() => undefined);
  return {
    path: folder,
    id: finding?.id ?? basename(folder),
    signature: finding?.signature ?? 'unknown',
    verdict: 'cannot run',
    reproduced: '0/0',
    markedFixed: await exists(join(folder, FIXED_FILE)),
    summary: finding?.summary ?? '',
    note: message,
    seconds: 0,
  };
}

/** Marks a finding as fixed. @throws UserError if the marker file cannot be written */
export async function markFixed({ path }: Pick<ReplayResult, 'path'>): Promise<void> {
  const text = JSON.stringify({ formatVersion: FORMAT_VERSION, time: new Date().toISOString() }, null, 2);
  try {
    await writeAtomically(join(path, FIXED_FILE), `${text}\n`);
  } catch (error) {
    throw fileError(error, 'mark as fixed the finding', path);
  }
}

async function replayOne(folder: string, options: ReplayOptions): Promise<ReplayResult> {
  const start = performance.now();
  const finding = await readFinding(folder);
  const campaign = await openCampaign(folder, finding, options);
  const { inputs, modelSha256, secondModelSha256, rerunClient } = campaign;
  try {
    await checkObjective(campaign, finding);
    const unchecked = [...(await checkThreat(campaign.folder, folder))];
    const rows = finding.batch?.rows;
    const file = join(folder, rows === undefined ? INPUT_FILE : BATCH_FILE);
    const data = decodeTestcase(inputs, await readFindingFile(file), file, rows);
    if (rows === undefined) unchecked.push(...(await checkPlausibility(campaign, folder, data)));
    if (rows === undefined && testcaseId(data) !== finding.id)
      throw new UserError(`${file} is damaged: it is not the testcase that ${FINDING_FILE} names`);
    const rule = confirmationRule(finding.objective, campaign.config.threatModel);
    const job = {
      ...rerunRequest(campaign, finding),
      batch: data,
      rows: rows ?? 1,
      row: finding.batch?.row ?? 0,
      transformed: await readTestcaseIfPresent(join(folder, TRANSFORMED_FILE), inputs),
      reference: await readTestcaseIfPresent(join(folder, REFERENCE_FILE), inputs),
    };
    const rerun = await rerunClient.reproduce(finding.objective, job, rule.runs);
    const kinds = await readSiteKinds(campaign.folder);
    const repair = findingRepair(finding, kinds.size === 0 ? siteKindsOf(campaign.graph) : kinds);
    const notes: string[] = rows === undefined ? [] : [`batch-dependent: run in its batch of ${rows}`];
    if (unchecked.length > 0)
      notes.push(`not checked against the threat model, since files are missing: ${unchecked.join(', ')}`);
    if (rerun.otherSignatures.length > 0) notes.push(`fails as ${rerun.otherSignatures.join(', ')}`);
    if (modelSha256 !== finding.model.sha256) notes.push('the model has changed');
    if (secondModelSha256 !== finding.copy?.sha256) notes.push('the second model has changed');
    return {
      path: folder,
      id: finding.id,
      signature: finding.signature,
      verdict: verdictOf(rerun, rule),
      reproduced: `${rerun.matchingRuns}/${rerun.totalRuns}`,
      markedFixed: await exists(join(folder, FIXED_FILE)),
      summary: finding.summary,
      note: notes.join('; '),
      ...(repair === undefined ? {} : { repair }),
      seconds: (performance.now() - start) / 1000,
    };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${folder} cannot be run: ${errorMessage(error)}`);
  } finally {
    rerunClient.close();
    campaign.plausibility?.close();
  }
}

/**
 * Asks the model that tells plausible inputs again.
 *
 * @returns the clause if that model cannot be read
 * @throws UserError where the threat model asks for a plausible input, and a finding's is not
 */
async function checkPlausibility(
  { plausibility, config }: Pick<OpenCampaign, 'plausibility' | 'config'>,
  folder: string,
  testcase: TestcaseData,
): Promise<readonly string[]> {
  if (plausibility === undefined) return [];
  let value: number;
  try {
    value = await plausibility.valueOf(testcase);
  } catch (error) {
    if (error instanceof UserError) return ['plausible'];
    throw error;
  }
  if (plausibility.isPlausible(value)) return [];
  throw new UserError(
    `${folder} is outside the threat model: plausible: its value is ${value}, and ${config.threatModel?.plausible} does not hold`,
  );
}

/**
 * Checks a finding against the threat model of its campaign.
 *
 * @returns clauses that can't be checked, since the seed or the journal is missing
 * @throws UserError naming the first clause that the finding breaks
 */
async function checkThreat(campaign: string, folder: string): Promise<readonly string[]> {
  const { broken, unchecked } = (await ThreatChecker.open(campaign))?.check(folder) ?? NOTHING_CHECKED;
  if (broken.length > 0) {
    const [{ clause, breach }] = broken;
    throw new UserError(`${folder} is outside the threat model: ${clause}: ${breach}`);
  }
  return unchecked;
}

const NOTHING_CHECKED = { broken: [], unchecked: [] } as const;

/** @throws UserError where the campaign does not check what the finding violates: no run of it would say anything */
async function checkObjective(
  { folder, config, rerunClient }: OpenCampaign,
  { objective, signature }: Finding,
): Promise<void> {
  if (FAILURE_KINDS.some((kind) => kind === objective)) return;
  const names = await rerunClient.objectiveNames(objectiveSpecs(config.objective));
  if (names.some((name) => name === objective || isSignatureOf(signature, name))) return;
  throw new UserError(
    `${join(folder, CAMPAIGN_FILE)} checks ${names.join(', ')}, and ${signature} is a finding of another campaign: keep the findings of each campaign in a folder of their own, with its ${CAMPAIGN_FILE}`,
  );
}

/** Reads an optional testcase from a finding's folder. */
async function readTestcaseIfPresent(
  path: string,
  inputs: readonly InputSpec[],
): Promise<TestcaseBatch | undefined> {
  return (await exists(path)) ? decodeTestcase(inputs, await readFindingFile(path), path) : undefined;
}

/** A finding that now fails with another signature is not fixed. */
function verdictOf(
  { matchingRuns, otherSignatures }: RerunResult,
  { least }: Pick<ConfirmationRule, 'least'>,
): Verdict {
  if (matchingRuns >= least || (matchingRuns === 0 && otherSignatures.length > 0)) return 'still broken';
  return matchingRuns === 0 ? 'fixed' : 'flaky';
}
