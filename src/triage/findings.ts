import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { verifyChecksum } from '../core/checksum.ts';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import { CAMPAIGN_FILE, EVENTS_FILE, STATISTICS_FILE } from '../storage/campaign-store.ts';
import { isCampaignFolder } from '../storage/check-folder.ts';
import {
  type Finding,
  FORMAT_VERSION,
  listSignatureFolders,
  OUTSIDE_FOLDER,
  type SignatureRecord,
} from '../storage/finding.ts';
import { damagedFiles, isFindingFolder } from '../storage/finding-checksums.ts';
import { FINDING_FILE, SIGNATURE_FILE } from '../storage/finding-files.ts';
import { CORPUS_FOLDER } from '../storage/journal.ts';
import { DAMAGED_FOLDER } from '../storage/set-aside.ts';
import { parseSignature } from '../storage/signature-record.ts';
import { refuseSpecialFiles } from '../storage/special-files.ts';

/** Folders of a campaign in which no finding is looked for. */
const OTHER_FOLDERS = new Set([CORPUS_FOLDER, DAMAGED_FOLDER, OUTSIDE_FOLDER]);

/** Error codes where the record of a finding is no file. */
const NO_RECORD: ReadonlySet<string | undefined> = new Set(['EISDIR', 'ENOENT', 'ELOOP', 'ENOTDIR']);

/** Whether a file or folder exists. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Whether a folder is a campaign's, or holds findings that were copied with their campaign.yaml. The file alone does not make it one: what
 * `init` writes has that name.
 */
export async function isCampaign(folder: string): Promise<boolean> {
  const entries = await readdir(folder).catch((): string[] => []);
  return isCampaignFolder(entries) || (entries.includes(CAMPAIGN_FILE) && entries.includes('findings'));
}

/** All folders of findings at or below a path, sorted by name; damaged ones too. */
export function findingFoldersIn(path: string): string[] {
  refuseSpecialFiles(path);
  return basename(path) === FINDING_FILE ? [dirname(path)] : [...walkFindings(path)];
}

/** Reads a file of a finding. @throws UserError that names the file, if it can't be read */
export async function readFindingFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, 'read the finding', path);
  }
}

/**
 * Reads a finding's record and verifies its files.
 *
 * @param isAlone whether only the record is wanted: then damage of the other files is no matter
 * @throws UserError if it can't be read, a file is not as it was written, or it has another format version
 */
export async function readFinding(folder: string, isAlone = false): Promise<Finding> {
  const damaged = damagedFiles(folder);
  if (isAlone ? damaged.includes(FINDING_FILE) : damaged.length > 0)
    throw new UserError(damageText(folder, damaged));
  const path = join(folder, FINDING_FILE);
  return parseFinding((await readFindingFile(path)).toString('utf8'), path);
}

function damageText(folder: string, damaged: readonly string[]): string {
  return `${join(folder, damaged.join(', '))} is damaged: its checksum does not match`;
}

/** A finding and its folder. */
export interface LocatedFinding {
  readonly folder: string;
  readonly finding: Finding;
  /** Whether another file than the record is damaged. */
  readonly isDamaged: boolean;
}

/**
 * All findings at or below a path, sorted by folder name. Reads synchronously, which is many times faster for a hundred
 * thousand small files.
 *
 * @param damage receives a description of each finding that is damaged: one without an intact record is left out
 * @param lost receives the signatures of findings that are left out
 * @throws UserError if a folder can't be read, or a finding has another format version
 */
export function* readFindings(
  path: string,
  damage: string[],
  lost: Set<string> = new Set(),
): Generator<LocatedFinding> {
  refuseSpecialFiles(path);
  const isCampaign = existsSync(join(path, CAMPAIGN_FILE));
  const findings = isCampaign ? join(path, 'findings') : path;
  if ((isCampaign || basename(path) === 'findings') && !isFolder(findings)) {
    damage.push(`${findings} is damaged: it is not a folder`);
    return;
  }
  for (const folder of walkFindings(path)) {
    const damaged = damagedFiles(folder);
    const finding = damaged.includes(FINDING_FILE) ? undefined : readRecord(folder, damaged);
    if (damaged.length > 0)
      damage.push(
        `${damageText(folder, damaged)}${finding === undefined ? '; the finding is left out' : ''}`,
      );
    if (finding === undefined) lost.add(basename(dirname(folder)));
    else yield { folder, finding, isDamaged: damaged.length > 0 };
  }
}

/** Signatures of findings that were set aside since they are damaged. */
export async function readSetAsideSignatures(campaign: string): Promise<string[]> {
  return readdir(join(campaign, 'findings', DAMAGED_FOLDER)).catch(() => []);
}

/** A finding's record; undefined, with its name in `damaged`, where it is damaged. */
function readRecord(folder: string, damaged: string[]): Finding | undefined {
  const path = join(folder, FINDING_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!NO_RECORD.has((error as NodeJS.ErrnoException).code))
      throw fileError(error, 'read the finding', path);
    damaged.push(FINDING_FILE);
    return undefined;
  }
  try {
    return parseFinding(text, path);
  } catch (error) {
    if (!(error instanceof DamagedFindingError)) throw error;
    damaged.push(FINDING_FILE);
    return undefined;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Folders of findings at or below a path, in the order of their names. */
function* walkFindings(path: string): Generator<string> {
  if (isFindingFolder(path)) {
    yield path;
    return;
  }
  let names: string[];
  try {
    names = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !OTHER_FOLDERS.has(entry.name))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw fileError(error, 'read the findings in', path);
  }
  for (const name of names) yield* walkFindings(join(path, name));
}

/** The text of finding.json is none of a finding. */
class DamagedFindingError extends UserError {}

function parseFinding(text: string, path: string): Finding {
  let finding: Partial<Finding> | null;
  try {
    finding = JSON.parse(text) as Partial<Finding> | null;
  } catch (error) {
    throw new DamagedFindingError(`${path} is damaged: ${errorMessage(error)}`);
  }
  if (finding?.formatVersion !== FORMAT_VERSION) {
    throw new UserError(
      `${path} has format version ${finding?.formatVersion}, this neurofuzz reads ${FORMAT_VERSION}`,
    );
  }
  const isValid =
    typeof finding.signature === 'string' &&
    Array.isArray(finding.violation?.tensors) &&
    finding.model !== undefined;
  if (!isValid) throw new DamagedFindingError(`${path} is damaged: it lacks signature, violation or model`);
  return finding as Finding;
}

/**
 * Number of violating mutants of each signature, from a campaign's signature records. Where one is damaged, stats.json has the number.
 *
 * @param damage receives a description of each record that is damaged, or another than the campaign ended with
 */
export async function readHitCounts(campaign: string, damage: string[]): Promise<Map<string, number>> {
  const hits = new Map<string, number>();
  const { signatures, isFinal } = await readLatestHits(campaign);
  for (const folder of await listSignatureFolders(campaign)) {
    const path = join(campaign, 'findings', folder, SIGNATURE_FILE);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? undefined : '',
    );
    const name = basename(folder);
    const latest = signatures.get(name);
    // A campaign that was killed may have had no time for the record of its last fault.
    if (text === undefined && !isFinal && latest === undefined) continue;
    // Flaky findings of a fault that has others too: its record lies with those, which come first.
    if (text === undefined && hits.has(name)) continue;
    const record = text === undefined ? undefined : parseSignature(text, folder);
    if (text === undefined) damage.push(`${path} is missing`);
    else if (record === undefined) damage.push(`${path} is damaged: its checksum does not match`);
    else if (isFinal && latest !== undefined && latest !== record.hits)
      damage.push(
        `${path} was replaced: it counts ${plural(record.hits, 'hit')}, and the campaign ended with ${latest}`,
      );
    hits.set(name, Math.max(record?.hits ?? 0, latest ?? 0, hits.get(name) ?? 0));
  }
  return hits;
}

/** Hits by signature in stats.json, and whether these are the numbers that the campaign ended with. */
async function readLatestHits(
  campaign: string,
): Promise<{ readonly signatures: ReadonlyMap<string, number>; readonly isFinal: boolean }> {
  const text = await readFile(join(campaign, STATISTICS_FILE), 'utf8').catch(() => '');
  const events = await readFile(join(campaign, EVENTS_FILE), 'utf8').catch(() => '');
  const isFinal = /"event":"stop"[^\n]*\n$/.test(events);
  const signatures = new Map<string, number>();
  if (verifyChecksum(text) === 'damaged') return { signatures, isFinal };
  try {
    const statistics = JSON.parse(text) as { readonly signatures?: unknown } | null;
    for (const item of [statistics?.signatures ?? []].flat() as (Partial<SignatureRecord> | null)[])
      if (typeof item?.signature === 'string' && Number.isInteger(item.hits))
        signatures.set(item.signature, Number(item.hits));
  } catch {
    // Figures that can't be read are not compared.
  }
  return { signatures, isFinal };
}

/** Time of the first finding of each signature in ISO 8601, from a campaign's event log. */
export async function readFirstSeen(campaign: string): Promise<Map<string, string>> {
  const times = new Map<string, string>();
  const text = await readFile(join(campaign, EVENTS_FILE), 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    if (!line.includes('"signature"')) continue;
    try {
      const { event, signature, time } = JSON.parse(line) as Readonly<Record<string, unknown>>;
      if (event !== 'signature' || typeof signature !== 'string' || typeof time !== 'string') continue;
      if (!times.has(signature)) times.set(signature, time);
    } catch {
      // The last line may be torn.
    }
  }
  return times;
}
