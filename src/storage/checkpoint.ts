import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../core/atomic-file.ts';
import { verifyChecksum, withChecksum } from '../core/checksum.ts';
import { FORMAT_VERSION } from './finding.ts';
import { STATE_FOLDER } from './journal.ts';

const LATEST = `${STATE_FOLDER}/checkpoint.json`;
const PREVIOUS = `${STATE_FOLDER}/checkpoint-previous.json`;
const NEXT = `${STATE_FOLDER}/checkpoint-next.json`;

/** Paths of checkpoints relative to the campaign's folder. */
export const CHECKPOINT_FILES = [LATEST, PREVIOUS, NEXT];

/** A snapshot of the campaign's state between two task results. */
export interface Checkpoint<State> {
  readonly formatVersion: number;
  /** Number of journal records that belong to it. */
  readonly entries: number;
  /** Length of an entry's activation vector. */
  readonly width: number;
  /** Run time of the campaign in seconds, over all its sessions. */
  readonly elapsedSeconds: number;
  readonly state: State;
}

/**
 * Replaces the checkpoint and keeps the previous one, so that a kill at any moment leaves at least one of the two intact.
 *
 * @param text the checkpoint serialized as JSON
 */
export async function writeCheckpoint(folder: string, text: string): Promise<void> {
  const next = join(folder, NEXT);
  await writeDurably(next, withChecksum(text));
  await rename(join(folder, LATEST), join(folder, PREVIOUS)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(next, join(folder, LATEST));
}

/** The newest intact checkpoint, and the newer ones that are not. */
export interface ReadCheckpoint<State> {
  readonly checkpoint: Checkpoint<State> | undefined;
  /** Paths of damaged ones relative to the campaign's folder, and a description of each. */
  readonly damaged: readonly string[];
  readonly damage: readonly string[];
}

/** Reads the newest intact checkpoint; undefined if there is none, in which case the campaign starts over. */
export async function readCheckpoint<State>(folder: string): Promise<ReadCheckpoint<State>> {
  const damaged: string[] = [];
  const describe = (effect: string): string[] => damaged.map((name) => `${name} is damaged: ${effect}`);
  for (const name of [LATEST, PREVIOUS]) {
    const text = await readText(join(folder, name));
    if (text === undefined) continue;
    const checkpoint = text === 'folder' ? undefined : parseCheckpoint<State>(text);
    if (checkpoint !== undefined)
      return { checkpoint, damaged, damage: describe('the campaign continues from the one before') };
    damaged.push(name);
  }
  return { checkpoint: undefined, damaged, damage: describe('the campaign starts over') };
}

/** A file's text, `folder` if it is one or a link to itself, undefined if there is none. */
async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EISDIR' || error.code === 'ELOOP') return 'folder';
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

/** Undefined where the text is damaged. Checkpoints of older versions have no checksum. */
function parseCheckpoint<State>(text: string): Checkpoint<State> | undefined {
  if (verifyChecksum(text) === 'damaged') return undefined;
  try {
    const checkpoint = JSON.parse(text) as Checkpoint<State> | null;
    const isCheckpoint =
      checkpoint?.formatVersion === FORMAT_VERSION &&
      Number.isInteger(checkpoint.entries) &&
      Number.isInteger(checkpoint.width) &&
      typeof checkpoint.state === 'object' &&
      checkpoint.state !== null;
    return isCheckpoint ? checkpoint : undefined;
  } catch {
    return undefined;
  }
}
