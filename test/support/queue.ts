import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { start } from './command.ts';

/** Waits until something is. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await pause(20);
}

/** Waits until a campaign has so many testcases. */
export function grown(out: string, count: number): Promise<void> {
  const journal = join(out, 'corpus/journal.jsonl');
  return until(() => existsSync(journal) && readFileSync(journal, 'utf8').split('\n').length >= count);
}

/** Ends commands at once, and forgets them. */
export async function endAll(running: ReturnType<typeof start>[]): Promise<void> {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended));
}
