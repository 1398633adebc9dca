import { mkdir, readdir, readFile, rename, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { UNFINISHED_PREFIX } from '../core/atomic-file.ts';
import {
  isIntactSnapshot,
  removeChecksum,
  snapshotFile,
  snapshotSizes,
} from '../coverage/index/snapshot-files.ts';
import { EVENTS_FILE, STATISTICS_FILE, STATISTICS_LOG_FILE } from './campaign-store.ts';
import { CHECKPOINT_FILES } from './checkpoint.ts';
import { listFindingFolders, listSignatureFolders } from './finding.ts';
import { damagedFiles } from './finding-checksums.ts';
import { FINDING_FILE, SIGNATURE_FILE } from './finding-files.ts';
import { CORPUS_FOLDER, STATE_FOLDER } from './journal.ts';
import { setAside, unusedPath } from './set-aside.ts';
import { parseSignature } from './signature-record.ts';

/**
 * Sets aside what is damaged in the folder of a campaign that is resumed, all but its corpus: findings, faults, index snapshots, and
 * folders and files that stand in the place of the other. The caller holds the folder's lock.
 *
 * @param damagedCheckpoints paths of checkpoints that were found damaged, relative to the folder
 * @returns a description of each
 */
export async function setDamagedAside(
  folder: string,
  damagedCheckpoints: readonly string[],
): Promise<string[]> {
  const damage = await setMisplacedAside(folder);
  for (const path of damagedCheckpoints)
    if ((await kindOf(join(folder, path))) === 'file') await setAside(folder, path);
  for (const size of await snapshotsIn(join(folder, STATE_FOLDER))) {
    const snapshot = snapshotFile(join(folder, STATE_FOLDER), size);
    if (isIntactSnapshot(snapshot)) continue;
    const aside = await setAside(folder, `${STATE_FOLDER}/index-${size}.hnsw`);
    removeChecksum(snapshot);
    damage.push(
      `${STATE_FOLDER}/index-${size}.hnsw is damaged: it is built again, and the damaged file is now in ${aside}`,
    );
  }
  damage.push(...(await setFindingsAside(folder)));
  for (const name of [STATISTICS_LOG_FILE, EVENTS_FILE]) await dropTornLine(join(folder, name));
  return damage;
}

/** Moves folders that stand in the place of a file, and files in that of a folder. */
async function setMisplacedAside(folder: string): Promise<string[]> {
  const damage: string[] = [];
  const move = async (name: string, wanted: 'file' | 'folder'): Promise<void> => {
    const kind = await kindOf(join(folder, name));
    if (kind === undefined || kind === wanted) return;
    const aside = name.includes('/') ? await setAside(folder, name) : undefined;
    if (aside === undefined)
      await rename(join(folder, name), await unusedPath(join(folder, `${name}.damaged`)));
    damage.push(
      `${name} is a ${kind}, not a ${wanted}: it is now ${aside === undefined ? `${name}.damaged` : `in ${aside}`}`,
    );
  };
  for (const name of [CORPUS_FOLDER, 'findings', STATE_FOLDER]) {
    await move(name, 'folder');
    await mkdir(join(folder, name), { recursive: true });
  }
  for (const name of [STATISTICS_FILE, STATISTICS_LOG_FILE, EVENTS_FILE]) await move(name, 'file');
  for (const name of CHECKPOINT_FILES) await move(name, 'file');
  for (const name of await namesIn(join(folder, 'findings'))) await move(`findings/${name}`, 'folder');
  for (const signature of await listSignatureFolders(folder))
    for (const name of await namesIn(join(folder, 'findings', signature)))
      await move(`findings/${signature}/${name}`, name === SIGNATURE_FILE ? 'file' : 'folder');
  return damage;
}

async function setFindingsAside(folder: string): Promise<string[]> {
  const damage: string[] = [];
  for (const name of await listFindingFolders(folder)) {
    const path = `findings/${name}`;
    const damaged = damagedFiles(join(folder, path));
    if (damaged.length === 0 && !(await isJson(join(folder, path, FINDING_FILE)))) damaged.push(FINDING_FILE);
    if (damaged.length === 0) continue;
    const aside = await setAside(folder, path);
    damage.push(`${path}/${damaged.join(', ')} is damaged: the finding is now in ${aside}`);
  }
  for (const signature of await listSignatureFolders(folder)) {
    const path = `findings/${signature}/${SIGNATURE_FILE}`;
    const text = await readFile(join(folder, path), 'utf8').catch(() => undefined);
    if (text === undefined || parseSignature(text, signature) !== undefined) continue;
    const aside = await setAside(folder, path);
    damage.push(`${path} is damaged: it is written again, and the damaged file is now in ${aside}`);
  }
  return damage;
}

async function isJson(path: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(path, 'utf8'));
    return true;
  } catch {
    return false;
  }
}

/** Removes what a killed process had not finished of a last line: the next line would go on with it. */
async function dropTornLine(path: string): Promise<void> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await truncate(path, end);
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'link to itself' | undefined> {
  return stat(path).then(
    (stats) => (stats.isDirectory() ? 'folder' : 'file'),
    (error: NodeJS.ErrnoException) => (error.code === 'ELOOP' ? 'link to itself' : undefined),
  );
}

/** Names in a folder, without files that are being written; none if it can't be read. */
async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => !name.startsWith(UNFINISHED_PREFIX)).sort();
}

async function snapshotsIn(folder: string): Promise<number[]> {
  return (await kindOf(folder)) === 'folder' ? snapshotSizes(folder) : [];
}
