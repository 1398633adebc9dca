import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../../core/errors.ts';
import {
  baselinePath,
  CAMPAIGNS_FOLDER,
  NIGHTS_FOLDER,
  newestGeneration,
} from '../../nightly/generations.ts';
import { CAMPAIGN_FILE, OWN_BASELINE_FILE } from '../../storage/campaign-store.ts';
import { exists, isCampaign } from '../../triage/findings.ts';

/** A campaign to show. */
export interface CampaignSource {
  /** Identifies it, also where a later generation of it is in another folder. */
  readonly key: string;
  readonly name: string;
  readonly folder: string;
  /** Path of a baseline file, which need not exist, or of an older campaign. */
  readonly against: string;
  /** Whether states and notes are written to `against`: not to the folder of a campaign. */
  readonly isWritable: boolean;
  /** The nightly folder that it belongs to; undefined for a campaign of its own. */
  readonly nightly: string | undefined;
}

/** What is shown: folders as the user named them, and what they are compared with. */
export interface ViewTarget {
  /** Folders of campaigns, and nightly folders. */
  readonly folders: readonly string[];
  /** A baseline file or an older campaign; by default each campaign has its own. */
  readonly against?: string | undefined;
}

/**
 * Checks that each folder can be shown.
 *
 * @throws UserError that says what to name instead
 */
export async function checkTarget({ folders, against }: ViewTarget): Promise<void> {
  for (const folder of folders) await checkFolder(folder);
  if (against !== undefined && !(await exists(against)))
    throw new UserError(
      `--against: ${against} does not exist: name a baseline that triage --update-baseline wrote, or an older campaign; without --against, states are kept in ${OWN_BASELINE_FILE} of each campaign`,
    );
}

async function checkFolder(folder: string): Promise<void> {
  const stats = await stat(folder).catch(() => undefined);
  if (stats === undefined)
    throw new UserError(`${folder} does not exist: name the folder of a campaign, or of neurofuzz nightly`);
  if (!stats.isDirectory())
    throw new UserError(
      `${folder} is a file: name the folder of a campaign, or of neurofuzz nightly (the setting out of its file)`,
    );
  if ((await isCampaign(folder)) || (await isNightly(folder))) return;
  const inside = (await subfolders(folder)).map((name) => join(folder, name));
  const campaigns: string[] = [];
  for (const path of inside) if ((await isCampaign(path)) || (await isNightly(path))) campaigns.push(path);
  if (campaigns.length > 0)
    throw new UserError(
      `${folder} holds several campaigns: name one or more of them, such as ${campaigns[0]}`,
    );
  for (let above = dirname(resolve(folder)); above !== dirname(above); above = dirname(above))
    if (await isCampaign(above))
      throw new UserError(`${folder} is part of a campaign: name the folder ${above}`);
  throw new UserError(
    `${folder} is neither a campaign nor a nightly folder: a campaign's folder holds a ${CAMPAIGN_FILE}, a nightly folder the folder ${CAMPAIGNS_FOLDER}`,
  );
}

/** Whether it is a nightly folder: one with nights, or with a campaign that has begun in its first night. */
async function isNightly(folder: string): Promise<boolean> {
  const campaigns = await subfolders(join(folder, CAMPAIGNS_FOLDER));
  if (campaigns.length === 0) return false;
  if ((await subfolders(folder)).includes(NIGHTS_FOLDER)) return true;
  const newest = await Promise.all(campaigns.map((name) => newestGeneration(folder, name)));
  return newest.some(({ hasBegun }) => hasBegun);
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

/** The campaigns of a target that have begun: of a nightly folder the newest generation of each. */
export async function listCampaigns({ folders, against }: ViewTarget): Promise<CampaignSource[]> {
  const sources: CampaignSource[] = [];
  const isFile =
    against === undefined || (await stat(against).catch(() => undefined))?.isDirectory() !== true;
  const add = (folder: string, name: string, usual: string, nightly: string | undefined): void => {
    const key = createHash('sha256')
      .update(JSON.stringify([resolve(nightly ?? folder), name]))
      .digest('hex')
      .slice(0, 16);
    if (sources.some((source) => source.key === key)) return;
    const compared = against ?? usual;
    sources.push({ key, name, folder, against: compared, isWritable: isFile, nightly });
  };
  for (const path of folders) {
    if (await isCampaign(path)) {
      add(path, basename(resolve(path)), join(path, OWN_BASELINE_FILE), undefined);
      continue;
    }
    for (const name of await subfolders(join(path, CAMPAIGNS_FOLDER))) {
      const { folder, hasBegun } = await newestGeneration(path, name);
      if (hasBegun) add(folder, name, baselinePath(path, name), path);
    }
  }
  return sources;
}
