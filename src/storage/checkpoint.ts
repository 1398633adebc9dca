import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../core/atomic-file.ts';
import { FORMAT_VERSION } from './finding.ts';
import { STATE_FOLDER } from './journal.ts';

const LATEST = join(STATE_FOLDER, 'checkpoint.json');
const PREVIOUS = join(STATE_FOLDER, 'checkpoint-previous.json');

/** The campaign's whole state at one moment between two results. */
export interface Checkpoint<State> {
  readonly formatVersion: number;
  /** Entries of the journal that belong to it. */
  readonly entries: number;
  /** Numbers in an entry's activations. */
  readonly width: number;
  /** Seconds that the campaign ran, over all its sessions. */
  readonly elapsedSeconds: number;
  readonly state: State;
}

/**
 * Replaces the checkpoint and keeps the one before it: whatever moment this is killed at, one of both is whole.
 *
 * @param text the checkpoint as JSON, made at the moment that it stands for
 */
export async function writeCheckpoint(folder: string, text: string): Promise<void> {
  const next = join(folder, STATE_FOLDER, 'checkpoint-next.json');
  await writeDurably(next, text);
  await rename(join(folder, LATEST), join(folder, PREVIOUS)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(next, join(folder, LATEST));
}

/** The newest whole checkpoint; undefined where there is none and the campaign begins anew. */
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
