import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readCampaignFile } from '../config/load.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { NIGHT_NAME } from './night-title.ts';

/** Subfolders of the nightly folder. */
export const CAMPAIGNS_FOLDER = 'campaigns';
export const NIGHTS_FOLDER = 'nights';
export const BASELINES_FOLDER = 'baselines';

/** A night's summary, which later nights read. */
export const NIGHT_SUMMARY_FILE = 'summary.json';

/** Suffix of the folder of a distilled corpus, after the name of its generation. */
const DISTILLED_SUFFIX = '-distilled';

/** Path of a campaign's baseline in the nightly folder. */
export function baselinePath(out: string, name: string): string {
  return join(out, BASELINES_FOLDER, `${name}.json`);
}

/** One of the successive folders of a campaign. A campaign that cannot be resumed continues in the next one. */
export interface Generation {
  readonly folder: string;
  /** Folder for its distilled corpus. */
  readonly distilled: string;
  /** Folder of the next generation. */
  readonly next: string;
  /** Whether the folder contains a campaign. */
  readonly hasBegun: boolean;
}

/** The newest generation of a campaign: `campaigns/<name>/<number>`. */
export async function newestGeneration(out: string, name: string): Promise<Generation> {
  const parent = join(out, CAMPAIGNS_FOLDER, name);
  const numbers = (await listNames(parent)).filter((entry) => /^\d+$/.test(entry)).map(Number);
  return readGeneration(parent, Math.max(1, ...numbers));
}

async function readGeneration(parent: string, number: number): Promise<Generation> {
  const folder = join(parent, paddedNumber(number));
  return {
    folder,
    distilled: `${folder}${DISTILLED_SUFFIX}`,
    next: join(parent, paddedNumber(number + 1)),
    hasBegun: (await listNames(folder)).includes(CAMPAIGN_FILE),
  };
}

function paddedNumber(number: number): string {
  return String(number).padStart(4, '0');
}

/** Names in a folder; none if it does not exist. */
async function listNames(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/** Names of the nights that have a folder, oldest first. */
export async function listNights(out: string): Promise<string[]> {
  const parse = (name: string): [day: string, number: number] => {
    const [, day = '', number = '1'] = NIGHT_NAME.exec(name) ?? [];
    return [day, Number(number)];
  };
  return (await listNames(join(out, NIGHTS_FOLDER)))
    .filter((name) => NIGHT_NAME.test(name))
    .sort((a, b) => {
      const [[dayA, numberA], [dayB, numberB]] = [parse(a), parse(b)];
      return dayA === dayB ? numberA - numberB : dayA < dayB ? -1 : 1;
    });
}

/** An unused name for a night: the local date, with a number if needed. */
export async function newNightName(out: string, today: Date): Promise<string> {
  const taken = new Set(await listNights(out));
  const twoDigits = (number: number): string => String(number).padStart(2, '0');
  const day = `${today.getFullYear()}-${twoDigits(today.getMonth() + 1)}-${twoDigits(today.getDate())}`;
  let name = day;
  for (let n = 2; taken.has(name); n++) name = `${day}-${n}`;
  return name;
}

/**
 * Removes all nights but the newest `keep`, and all generations but the newest, those reported by a remaining night, and those
 * whose corpus one of these was started from.
 *
 * @returns the removed folders
 */
export async function removeOldNights(out: string, keep: number): Promise<string[]> {
  const nights = await listNights(out);
  const kept = nights.slice(-keep);
  const removed = nights.slice(0, -keep).map((name) => join(out, NIGHTS_FOLDER, name));
  const reported = new Set<string>();
  for (const night of kept)
    for (const folder of await reportedFolders(join(out, NIGHTS_FOLDER, night, NIGHT_SUMMARY_FILE)))
      reported.add(folder);
  for (const name of await listNames(join(out, CAMPAIGNS_FOLDER))) {
    const parent = join(out, CAMPAIGNS_FOLDER, name);
    const newest = await newestGeneration(out, name);
    const needed = new Set([newest.folder, newest.distilled].map((folder) => resolve(folder)));
    for (const folder of reported) if (dirname(folder) === resolve(parent)) needed.add(folder);
    for (const folder of [...needed])
      for (const corpus of await initialCorpora(folder)) needed.add(resolve(corpus));
    for (const generation of await listNames(parent))
      if (/^\d+(?:-distilled)?$/.test(generation) && !needed.has(resolve(parent, generation)))
        removed.push(join(parent, generation));
  }
  for (const folder of removed) await rm(folder, { recursive: true, force: true });
  return removed;
}

/** Campaign folders named in a night's summary; none if it is missing or damaged. */
async function reportedFolders(path: string): Promise<string[]> {
  try {
    const { campaigns } = JSON.parse(await readFile(path, 'utf8')) as {
      readonly campaigns?: readonly { readonly folder?: unknown }[];
    };
    return (campaigns ?? []).flatMap(({ folder }) => (typeof folder === 'string' ? [resolve(folder)] : []));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Corpora with which a campaign was started, beside its seeds. */
export async function initialCorpora(folder: string): Promise<string[]> {
  if (!(await listNames(folder)).includes(CAMPAIGN_FILE)) return [];
  const { corpus } = await readCampaignFile(join(folder, CAMPAIGN_FILE));
  return [corpus ?? []].flat().map(String);
}
