import type { Running } from './command.ts';

/** Ends commands at once, and forgets them. */
export async function endAll(running: Running[]): Promise<void> {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended));
}
