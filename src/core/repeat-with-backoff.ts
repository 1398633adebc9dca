import { setTimeout } from 'node:timers/promises';

/** Runs an action at intervals that double from the first to the longest; runs never overlap. */
export async function repeatWithBackoff(
  action: () => Promise<void>,
  firstMs: number,
  longestMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (let pauseMs = firstMs; ; pauseMs = Math.min(2 * pauseMs, longestMs)) {
    try {
      await setTimeout(pauseMs, undefined, { signal });
    } catch {
      // The only error of a pause is that it was aborted.
      return;
    }
    await action();
  }
}
