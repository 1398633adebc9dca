import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readCampaignFile } from '../config/load.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';

/** Where a nightly folder keeps what. */
export const CAMPAIGNS = 'campaigns';
export const NIGHTS = 'nights';
export const BASELINES = 'baselines';

/** What a night says of itself, for the next ones. */
export const NIGHT_FILE = 'summary.json';

/** What a distilled corpus is called, beside the campaign that it is of. */
const DISTILLED = '-distilled';

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
  const parent = join(out, CAMPAIGNS, name);
  const numbers = (await namesIn(parent)).filter((one) => /^\d+$/.test(one)).map(Number);
  return generation(parent, Math.max(1, ...numbers));
}

async function generation(parent: string, number: number): Promise<Generation> {
  const folder = join(parent, numbered(number));
  return {
    folder,
    distilled: `${folder}${DISTILLED}`,
    next: join(parent, numbered(number + 1)),
    hasBegun: (await namesIn(folder)).includes(CAMPAIGN_FILE),
  };
}

function numbered(number: number): string {
  return String(number).padStart(4, '0');
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/** A night's name and how it is sorted: a day, and which of that day's it is. */
const NIGHT = /^(\d{4}-\d{2}-\d{2})(?:-(\d+))?$/;

/** Nights that have a folder, the oldest first. */
export async function nightsIn(out: string): Promise<string[]> {
  const order = (name: string): [string, number] => {
    const [, day = '', number = '1'] = NIGHT.exec(name) ?? [];
    return [day, Number(number)];
  };
  return (await namesIn(join(out, NIGHTS)))
    .filter((name) => NIGHT.test(name))
    .sort((a, b) => {
      const [[dayA, numberA], [dayB, numberB]] = [order(a), order(b)];
      return dayA === dayB ? numberA - numberB : dayA < dayB ? -1 : 1;
    });
}

/** A name that no night has yet: the day, as the clock on the wall has it. */
export async function newNight(out: string, today: Date): Promise<string> {
  const taken = new Set(await nightsIn(out));
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
export async function retain(out: string, keep: number): Promise<string[]> {
  const nights = await nightsIn(out);
  const kept = nights.slice(-keep);
  const removed = nights.slice(0, -keep).map((name) => join(out, NIGHTS, name));
  const spoken = new Set<string>();
  for (const night of kept)
    for (const place of await placesIn(join(out, NIGHTS, night, NIGHT_FILE))) spoken.add(place);
  for (const name of await namesIn(join(out, CAMPAIGNS))) {
    const parent = join(out, CAMPAIGNS, name);
    const newest = await newestGeneration(out, name);
    const needed = new Set([newest.folder, newest.distilled].map((folder) => resolve(folder)));
    for (const folder of spoken) if (dirname(folder) === resolve(parent)) needed.add(folder);
    for (const folder of [...needed]) for (const from of await corpusOf(folder)) needed.add(resolve(from));
    for (const inner of await namesIn(parent))
      if (/^\d+(?:-distilled)?$/.test(inner) && !needed.has(resolve(parent, inner)))
        removed.push(join(parent, inner));
  }
  for (const folder of removed) await rm(folder, { recursive: true, force: true });
  return removed;
}

/** Folders of the campaigns that a night speaks of; none where its summary is damaged. */
async function placesIn(path: string): Promise<string[]> {
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
export async function corpusOf(folder: string): Promise<string[]> {
  if (!(await namesIn(folder)).includes(CAMPAIGN_FILE)) return [];
  const { corpus } = await readCampaignFile(join(folder, CAMPAIGN_FILE));
  return [corpus ?? []].flat().map(String);
}
