import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import { type Finding, FORMAT_VERSION, type SignatureRecord } from '../storage/finding.ts';
import { CORPUS_FOLDER } from '../storage/journal.ts';

const FINDING_FILE = 'finding.json';

/** Whether there is something at a path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Every folder at or below a path that holds a finding.json, in the order of their names. */
export function findingFoldersIn(path: string): string[] {
  if (basename(path) === FINDING_FILE) return [dirname(path)];
  return Array.from(walkFindings(path), ({ folder }) => folder);
}

/** @throws UserError naming the file where it can't be read */
export async function readFindingFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, 'read the finding', path);
  }
}

/** @throws UserError where it can't be read, or was not written by this version */
export async function readFinding(folder: string): Promise<Finding> {
  const path = join(folder, FINDING_FILE);
  return parseFinding((await readFindingFile(path)).toString('utf8'), path);
}

/**
 * Every finding at or below a path, one after the other, in the order of their folders' names. Reads without waiting in
 * between, which is many times as fast for a hundred thousand small files.
 *
 * @throws UserError where one can't be read
 */
export function* readFindings(
  path: string,
): Generator<{ readonly folder: string; readonly finding: Finding }> {
  for (const { folder, text } of walkFindings(path))
    yield { folder, finding: parseFinding(text, join(folder, FINDING_FILE)) };
}

/** Folders with a finding.json, and what that says. */
function* walkFindings(path: string): Generator<{ readonly folder: string; readonly text: string }> {
  const own = readTextIfPresent(join(path, FINDING_FILE));
  if (own !== undefined) {
    yield { folder: path, text: own };
    return;
  }
  let names: string[];
  try {
    names = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== CORPUS_FOLDER)
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw fileError(error, 'read the findings in', path);
  }
  for (const name of names) yield* walkFindings(join(path, name));
}

function readTextIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fileError(error, 'read the finding', path);
  }
}

function parseFinding(text: string, path: string): Finding {
  let finding: Partial<Finding> | null;
  try {
    finding = JSON.parse(text) as Partial<Finding> | null;
  } catch (error) {
    throw new UserError(`${path} is damaged: ${errorMessage(error)}`);
  }
  if (finding?.formatVersion !== FORMAT_VERSION) {
    throw new UserError(
      `${path} is of format version ${finding?.formatVersion}, this neurofuzz reads ${FORMAT_VERSION}`,
    );
  }
  const sound =
    typeof finding.signature === 'string' &&
    Array.isArray(finding.violation?.tensors) &&
    finding.model !== undefined;
  if (!sound) throw new UserError(`${path} is damaged: it lacks signature, violation or model`);
  return finding as Finding;
}

/** Hits of each signature as a campaign counted them. */
export async function readHitCounts(campaign: string): Promise<Map<string, number>> {
  const hits = new Map<string, number>();
  const findings = join(campaign, 'findings');
  for (const parent of [findings, join(findings, 'unrepeatable')]) {
    const names = await readdir(parent).catch(() => []);
    for (const name of names) {
      const text = await readFile(join(parent, name, 'signature.json'), 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      try {
        const { signature, hits: count } = JSON.parse(text) as Partial<SignatureRecord>;
        if (typeof signature === 'string' && typeof count === 'number')
          hits.set(signature, Math.max(count, hits.get(signature) ?? 0));
      } catch {
        // A record that is damaged counts nothing; its findings are there all the same.
      }
    }
  }
  return hits;
}

/** When each signature came up first, as a campaign's events tell. */
export async function readFirstSeen(campaign: string): Promise<Map<string, string>> {
  const times = new Map<string, string>();
  const text = await readFile(join(campaign, 'events.jsonl'), 'utf8').catch(() => '');
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
