import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileError, UserError } from '../core/errors.ts';
import { quote } from '../core/shell-quote.ts';
import { type Finding, listFindingFolders } from '../storage/finding.ts';
import { FINDING_FILE, INPUT_FILE, TEXT_FILE } from '../storage/finding-files.ts';
import { decodeNpz } from '../tensor/npz.ts';
import type { FuzzFinding, NamedTensors } from './api.ts';

/** The findings that are in a campaign's folder. */
export async function readCampaignFindings(campaign: string): Promise<FuzzFinding[]> {
  const folders = await listFindingFolders(campaign);
  return Promise.all(folders.map((folder) => readFuzzFinding(join(campaign, 'findings', folder))));
}

/**
 * Reads a finding with its arrays.
 *
 * @param folder the finding's folder
 * @throws UserError where a file of it is missing or damaged
 */
export async function readFuzzFinding(folder: string): Promise<FuzzFinding> {
  const { signature, objective, summary, id, reproduced, status, distance, ...finding } =
    await readRecord(folder);
  const path = relative('.', resolve(folder)) || '.';
  const { generation, mutators, execs, minimized, ancestor } = finding;
  return {
    signature,
    objective,
    summary,
    id,
    path,
    replay: `npx neurofuzz replay ${quote(path)}`,
    reproduced,
    status,
    inputs: await readTensors(join(folder, INPUT_FILE)),
    seed: await readSeed(folder, ancestor),
    text: await readOptionalText(join(folder, TEXT_FILE)),
    distance,
    generation,
    mutators,
    execs,
    isMinimized: minimized !== undefined,
  };
}

async function readRecord(folder: string): Promise<Finding> {
  const file = join(folder, FINDING_FILE);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Finding;
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${file} is damaged: it is not JSON`);
    throw fileError(error, 'read the finding', file);
  }
}

async function readTensors(file: string): Promise<NamedTensors> {
  try {
    return Object.fromEntries(decodeNpz(await readFile(file), file));
  } catch (error) {
    throw error instanceof UserError ? error : fileError(error, 'read the finding', file);
  }
}

/** The seed that a finding descends from, which the corpus of its campaign holds; undefined where that is not there, as in a copy. */
async function readSeed(folder: string, ancestor: string): Promise<NamedTensors | undefined> {
  for (let parent = resolve(folder); parent !== dirname(parent); parent = dirname(parent)) {
    const file = join(parent, 'corpus', `${ancestor}.npz`);
    if (existsSync(file)) return readTensors(file).catch(() => undefined);
    if (existsSync(join(parent, 'campaign.yaml'))) return undefined;
  }
  return undefined;
}

async function readOptionalText(file: string): Promise<string | undefined> {
  return existsSync(file) ? readFile(file, 'utf8') : undefined;
}
