import { basename, join } from 'node:path';
import { writeAtomically } from '../core/atomic-file.ts';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import type { RerunResult } from '../evaluation/rerun-testcase.ts';
import { decodeTestcase } from '../inputs/testcase.ts';
import type { TestcaseBatch } from '../model/batched-model.ts';
import type { InputSpec } from '../model/model.ts';
import { objectiveSpecs } from '../objectives/registry.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { REFERENCE_FILE, TRANSFORMED_FILE } from '../storage/finding-files.ts';
import { exists, findingFoldersIn, readFinding, readFindingFile } from './findings.ts';
import { openCampaign } from './open-campaign.ts';

export type Verdict = 'still broken' | 'fixed' | 'flaky' | 'cannot run';

/** How running one finding again went. */
export interface ReplayResult {
  readonly path: string;
  readonly id: string;
  readonly signature: string;
  readonly verdict: Verdict;
  /** Such as `10/10`. */
  readonly reproduced: string;
  /** Whether it is marked as fixed, see `markFixed`. */
  readonly markedFixed: boolean;
  /** What is wrong, in a line for people. */
  readonly summary: string;
  /** What came up instead, or what else is worth knowing. */
  readonly note: string;
  readonly seconds: number;
}

/** How findings are run again. */
export interface ReplayOptions {
  /** Another model than that of the findings' campaign, such as the next release. */
  readonly model?: string | undefined;
}

/** Marks a finding as fixed: from there on it is a regression when it breaks again. */
const FIXED_FILE = 'fixed.json';

/**
 * Runs findings again, one after the other, each in a fresh session of the model. One that can't be run says why, and the
 * others go on.
 *
 * @param paths findings, folders of them or campaigns
 * @throws UserError where a path holds no finding, or none of them can be run: why the first one can't
 */
export async function* replay(
  paths: readonly string[],
  options: ReplayOptions = {},
): AsyncGenerator<ReplayResult> {
  let first: UserError | undefined;
  const failed: ReplayResult[] = [];
  let ran = 0;
  for await (const one of replayAll(paths, options)) {
    if ('replayed' in one) {
      ran++;
      yield* failed.splice(0);
      yield one.replayed;
      continue;
    }
    first ??= one.error;
    failed.push(one.instead);
  }
  if (ran === 0 && first !== undefined) throw first;
  yield* failed;
}

type ReplayAttempt =
  | { readonly replayed: ReplayResult }
  | { readonly error: UserError; readonly instead: ReplayResult };

async function* replayAll(paths: readonly string[], options: ReplayOptions): AsyncGenerator<ReplayAttempt> {
  for (const path of paths) {
    const folders = findingFoldersIn(path);
    if (folders.length === 0) {
      if (await exists(join(path, CAMPAIGN_FILE))) continue;
      throw new UserError(
        `${path} holds no finding: name a finding's folder, a folder of them or a campaign`,
      );
    }
    for (const folder of folders) {
      try {
        yield { replayed: await replayOne(folder, options) };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        yield { error, instead: await unrunnableResult(folder, error) };
      }
    }
  }
}

async function unrunnableResult(folder: string, { message }: UserError): Promise<ReplayResult> {
  const finding = await readFinding(folder).catch(() => undefined);
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

/** Marks a finding as fixed, with the model that it is fixed in. */
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
  const campaign = await openCampaign(folder, finding, options.model);
  const { config, inputs, modelPath, loadOptions, modelSha256, secondModelSha256, rerunClient } = campaign;
  try {
    const rows = finding.batch?.rows;
    const file = join(folder, rows === undefined ? 'input.npz' : 'batch.npz');
    const data = decodeTestcase(inputs, await readFindingFile(file), file, rows);
    const again = await rerunClient.reproduce(finding.objective, {
      model: modelPath,
      loadOptions,
      objectives: objectiveSpecs(config.objective),
      expectedViolation: { signature: finding.signature, tensors: finding.violation.tensors },
      // What was not traced bears the name of what was seen.
      canTrace: finding.violation.details.origin !== undefined,
      batch: data,
      rows: rows ?? 1,
      row: finding.batch?.row ?? 0,
      label: finding.label,
      transformed: await readTestcaseIfPresent(join(folder, TRANSFORMED_FILE), inputs),
      reference: await readTestcaseIfPresent(join(folder, REFERENCE_FILE), inputs),
    });
    const changed = modelSha256 === finding.model.sha256 ? [] : ['the model has changed since'];
    if (secondModelSha256 !== finding.copy?.sha256) changed.push('the second model has changed since');
    const others = again.otherSignatures.length > 0 ? [`breaks as ${again.otherSignatures.join(', ')}`] : [];
    return {
      path: folder,
      id: finding.id,
      signature: finding.signature,
      verdict: verdictOf(again),
      reproduced: `${again.matchingRuns}/${again.totalRuns}`,
      markedFixed: await exists(join(folder, FIXED_FILE)),
      summary: finding.summary,
      note: [...others, ...changed].join('; '),
      seconds: (performance.now() - start) / 1000,
    };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${folder} cannot be run: ${errorMessage(error)}`);
  } finally {
    rerunClient.close();
  }
}

/** A testcase that may lie beside a finding. */
async function readTestcaseIfPresent(
  path: string,
  inputs: readonly InputSpec[],
): Promise<TestcaseBatch | undefined> {
  return (await exists(path)) ? decodeTestcase(inputs, await readFindingFile(path), path) : undefined;
}

/** A finding that now breaks in another way is not fixed. */
function verdictOf({ matchingRuns, totalRuns, otherSignatures }: RerunResult): Verdict {
  if (matchingRuns === totalRuns || (matchingRuns === 0 && otherSignatures.length > 0)) return 'still broken';
  return matchingRuns === 0 ? 'fixed' : 'flaky';
}
