import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readCampaignFile } from '../config/load.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';

/** Where a nightly folder keeps what. */
export const CAMPAIGNS_FOLDER = 'campaigns';
export const NIGHTS_FOLDER = 'nights';
export const BASELINES_FOLDER = 'baselines';

/** What a night says of itself, for the next ones. */
export const NIGHT_SUMMARY_FILE = 'summary.json';

/** What a distilled corpus is called, beside the campaign that it is of. */
const DISTILLED_SUFFIX = '-distilled';

/** A campaign as one night leaves it to the next: what cannot be resumed goes on in a folder of the next number. */
export interface Generation {
  readonly folder: string;
  /** Where its corpus goes when it has grown too large. */
  readonly distilled: string;
  /** The folder after it. */
  readonly next: string;
  /** Whether there is a campaign in it. */
  readonly hasBegun: boolean;
}

/** The newest generation of a campaign: `campaigns/<name>/<number>`. */
export async function newestGeneration(out: string, name: string): Promise<Generation> {
  const parent = join(out, CAMPAIGNS_FOLDER, name);
  const numbers = (await listNames(parent)).filter((one) => /^\d+$/.test(one)).map(Number);
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

async function listNames(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/** A night's name and how it is sorted: a day, and which of that day's it is. */
const NIGHT_NAME = /^(\d{4}-\d{2}-\d{2})(?:-(\d+))?$/;

/** Nights that have a folder, the oldest first. */
export async function listNights(out: string): Promise<string[]> {
  const order = (name: string): [string, number] => {
    const [, day = '', number = '1'] = NIGHT_NAME.exec(name) ?? [];
    return [day, Number(number)];
  };
  return (await listNames(join(out, NIGHTS_FOLDER)))
    .filter((name) => NIGHT_NAME.test(name))
    .sort((a, b) => {
      const [[dayA, numberA], [dayB, numberB]] = [order(a), order(b)];
      return dayA === dayB ? numberA - numberB : dayA < dayB ? -1 : 1;
    });
}

/** A name that no night has yet: the day, as the clock on the wall has it. */
export async function newNightName(out: string, today: Date): Promise<string> {
  const taken = new Set(await listNights(out));
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${today.getFullYear()}-${two(today.getMonth() + 1)}-${two(today.getDate())}`;
  let name = day;
  for (let n = 2; taken.has(name); n++) name = `${day}-${n}`;
  return name;
}

/**
 * Takes away nights beyond the newest `keep`, and generations that neither go on nor are spoken of by a night that is kept,
 * nor hold the corpus that one of these began with.
 *
 * @returns what was taken away
 */
export async function removeOldNights(out: string, keep: number): Promise<string[]> {
  const nights = await listNights(out);
  const kept = nights.slice(-keep);
  const removed = nights.slice(0, -keep).map((name) => join(out, NIGHTS_FOLDER, name));
  const spoken = new Set<string>();
  for (const night of kept)
    for (const place of await reportedFolders(join(out, NIGHTS_FOLDER, night, NIGHT_SUMMARY_FILE)))
      spoken.add(place);
  for (const name of await listNames(join(out, CAMPAIGNS_FOLDER))) {
    const parent = join(out, CAMPAIGNS_FOLDER, name);
    const newest = await newestGeneration(out, name);
    const needed = new Set([newest.folder, newest.distilled].map((folder) => resolve(folder)));
    for (const folder of spoken) if (dirname(folder) === resolve(parent)) needed.add(folder);
    for (const folder of [...needed])
      for (const from of await initialCorpora(folder)) needed.add(resolve(from));
    for (const inner of await listNames(parent))
      if (/^\d+(?:-distilled)?$/.test(inner) && !needed.has(resolve(parent, inner)))
        removed.push(join(parent, inner));
  }
  for (const folder of removed) await rm(folder, { recursive: true, force: true });
  return removed;
}

/** Folders of the campaigns that a night speaks of; none where its summary is damaged. */
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

/** What a campaign began with beside its seeds. */
export async function initialCorpora(folder: string): Promise<string[]> {
  if (!(await listNames(folder)).includes(CAMPAIGN_FILE)) return [];
  const { corpus } = await readCampaignFile(join(folder, CAMPAIGN_FILE));
  return [corpus ?? []].flat().map(String);
}
