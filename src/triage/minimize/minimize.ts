import { isAbsolute, join, relative } from 'node:path';
import type { Distance } from '../../constraints/distance.ts';
import { UserError } from '../../core/errors.ts';
import type { OnProgress, Progress } from '../../core/progress.ts';
import { isNoFault, noFaultReason } from '../../objectives/objective.ts';
import { CAMPAIGN_FILE } from '../../storage/campaign-store.ts';
import type { Finding } from '../../storage/finding.ts';
import { REFERENCE_FILE, TRANSFORMED_FILE } from '../../storage/finding-files.ts';
import { Lock } from '../../storage/lock.ts';
import { exists, readFinding, readFindings } from '../findings.ts';
import { type OpenCampaignOptions, openCampaign } from '../open-campaign.ts';
import { SeedReader } from './assess-variant.ts';
import { minimizeFinding, type SmallerFinding } from './minimize-finding.ts';

/** Default of `MinimizeOptions.tries`. */
const DEFAULT_TRIES = 20_000;

export interface MinimizeOptions extends OpenCampaignOptions {
  /** Maximum number of variants run for each finding. */
  readonly tries?: number | undefined;
  /** Minimize even if the model has changed since the finding was recorded. */
  readonly force?: boolean | undefined;
  /** Is told how many findings are done, and how many runs the current one has had. */
  readonly onProgress?: OnProgress | undefined;
  /** Is told of each finding that is damaged. */
  readonly onDamage?: ((description: string) => void) | undefined;
}

/** Result of minimizing one finding. */
export interface MinimizeResult {
  readonly path: string;
  readonly signature: string;
  /** Smaller findings, stored beside the original. */
  readonly smaller: readonly SmallerFinding[];
  readonly distance: Distance;
  /** Number of tokens, if its input is a prompt. */
  readonly tokens?: number;
  /** Variants that were run. */
  readonly tries: number;
  /** Why no smaller finding was stored, as a clause for people; undefined if one was. */
  readonly why?: string;
}

/**
 * Minimizes findings one after another: reduces the difference from the seed while the same objective is violated in the same
 * way. The originals are not modified.
 *
 * @param paths findings, folders of findings, or campaigns
 * @throws UserError if a path holds no finding, or a finding or its campaign can't be read
 */
export async function* minimize(
  paths: readonly string[],
  options: MinimizeOptions = {},
): AsyncGenerator<MinimizeResult> {
  const { tries = DEFAULT_TRIES, force = false, onProgress = () => {}, onDamage = () => {} } = options;
  const seeds = new SeedReader();
  const work = await findingsToMinimize(paths, onDamage);
  for (const [done, { folder, finding, why }] of work.entries()) {
    const progress = { label: 'minimizing', done, total: work.length, unit: 'finding' };
    onProgress(progress);
    let runs = 0;
    const onRuns = (count: number): void => {
      runs += count;
      const inner: Progress = {
        label: finding.signature,
        done: runs,
        total: Math.max(runs, tries),
        isUpperBound: true,
        unit: 'run',
      };
      onProgress({ ...progress, inner });
    };
    yield why === undefined
      ? await minimizeOne(folder, { tries, force, seeds, opening: options, onRuns })
      : unchangedResult(folder, finding, why);
  }
}

interface FindingToMinimize {
  readonly folder: string;
  readonly finding: Finding;
  /** Why it is not minimized; undefined if it is. */
  readonly why?: string;
}

/** The findings below some paths, without damaged and minimized ones. @throws UserError if a path holds no finding */
async function findingsToMinimize(
  paths: readonly string[],
  onDamage: (description: string) => void,
): Promise<FindingToMinimize[]> {
  const work: FindingToMinimize[] = [];
  for (const path of paths) {
    const damage: string[] = [];
    const found = [...readFindings(path, damage)];
    if (found.length === 0 && damage.length > 0) throw new UserError(damage[0]);
    for (const description of damage) onDamage(description);
    if (found.length === 0 && !(await exists(join(path, CAMPAIGN_FILE))))
      throw new UserError(
        `${path} holds no finding: name a finding's folder, a folder of them or a campaign`,
      );
    const minimizedIds = new Set(found.flatMap(({ finding }) => finding.minimized?.from ?? []));
    for (const { folder, finding, isDamaged } of found) {
      if (found.length > 1 && isDamaged) continue;
      if (finding.minimized !== undefined) continue;
      // Of several findings; one that is named is minimized whatever it is.
      if (found.length > 1 && isNoFault(finding.signature))
        work.push({ folder, finding, why: noFaultReason(finding.signature) });
      else if (minimizedIds.has(finding.id)) work.push({ folder, finding, why: 'it is already minimized' });
      else work.push({ folder, finding });
    }
  }
  return work;
}

function unchangedResult(path: string, { signature, distance }: Finding, why: string): MinimizeResult {
  return { path, signature, distance, smaller: [], tries: 0, why };
}

interface MinimizeOneOptions {
  readonly tries: number;
  readonly force: boolean;
  readonly seeds: SeedReader;
  readonly opening: OpenCampaignOptions;
  readonly onRuns: (runs: number) => void;
}

async function minimizeOne(
  folder: string,
  { tries: maxTries, force, seeds, opening, onRuns }: MinimizeOneOptions,
): Promise<MinimizeResult> {
  const finding = await readFinding(folder);
  const refusal = await refusalOf(folder, finding);
  if (refusal !== undefined) return unchangedResult(folder, finding, refusal);
  const campaign = await openCampaign(folder, finding, opening);
  let lock: Lock | undefined;
  try {
    const isSameModel =
      campaign.modelSha256 === finding.model.sha256 && campaign.secondModelSha256 === finding.copy?.sha256;
    if (!isSameModel && !force)
      return unchangedResult(
        folder,
        finding,
        'the model has changed since it was found: --force minimizes it anyway',
      );
    lock = await Lock.acquire(campaign.folder);
    const minimized = await minimizeFinding(
      campaign,
      folder,
      finding,
      maxTries,
      await seeds.seedsOf(campaign),
      onRuns,
    );
    if ('refusal' in minimized) return unchangedResult(folder, finding, minimized.refusal);
    const { signature, distance } = finding;
    // As the original was named, for commands that are run from the same folder.
    const shown = (path: string): string => (isAbsolute(folder) ? path : relative('.', path) || '.');
    return {
      path: folder,
      signature,
      distance,
      ...minimized,
      smaller: minimized.smaller.map((variant) => ({ ...variant, path: shown(variant.path) })),
      ...(minimized.smaller.length > 0 ? {} : { why: 'no smaller input has the same fault' }),
    };
  } finally {
    campaign.rerunClient.close();
    campaign.plausibility?.close();
    await lock?.release();
  }
}

/** Why a finding cannot be minimized, without running its model; undefined if it can. */
async function refusalOf(folder: string, finding: Finding): Promise<string | undefined> {
  if (finding.status !== 'confirmed')
    return `it is ${finding.status}: findings that are not reproduced alone cannot be minimized`;
  if (await exists(join(folder, TRANSFORMED_FILE))) return 'metamorphic findings are not supported yet';
  if (await exists(join(folder, REFERENCE_FILE))) return 'run times cannot be compared in single runs';
  return finding.ancestor === finding.id ? 'it is a seed' : undefined;
}
