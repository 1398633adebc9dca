import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../core/atomic-file.ts';
import { FORMAT_VERSION } from './finding.ts';
import { STATE_FOLDER } from './journal.ts';

const LATEST = join(STATE_FOLDER, 'checkpoint.json');
const PREVIOUS = join(STATE_FOLDER, 'checkpoint-previous.json');

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
  const next = join(folder, STATE_FOLDER, 'checkpoint-next.json');
  await writeDurably(next, text);
  await rename(join(folder, LATEST), join(folder, PREVIOUS)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(next, join(folder, LATEST));
}

/** Reads the newest intact checkpoint; undefined if there is none, in which case the campaign starts over. */
export async function readCheckpoint<State>(
  folder: string,
): Promise<{ readonly checkpoint: Checkpoint<State> | undefined; readonly damage: readonly string[] }> {
  const damage: string[] = [];
  for (const name of [LATEST, PREVIOUS]) {
    let text: string;
    try {
      text = await readFile(join(folder, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      continue;
    }
    try {
      const checkpoint = JSON.parse(text) as Checkpoint<State>;
      if (checkpoint.formatVersion === FORMAT_VERSION) return { checkpoint, damage };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    damage.push(`${name} is damaged: the campaign goes on from the one before`);
  }
  return { checkpoint: undefined, damage };
}
