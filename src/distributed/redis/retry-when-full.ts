import { setTimeout as pause } from 'node:timers/promises';
import { errorMessage } from '../../core/errors.ts';

/** Milliseconds that a full Redis is waited for. */
export const FULL_TIMEOUT_MS = 2 * 60_000;

/** Milliseconds between tries: the first pause and the longest. */
const MIN_RETRY_DELAY_MS = 500;
const MAX_RETRY_DELAY_MS = 15_000;

/** Whether a Redis refused something since it has no memory left: others may give some back. */
export function isFull(error: unknown): boolean {
  return /^OOM\b|maxmemory/.test(errorMessage(error));
}

/**
 * Goes on trying while a Redis is full, with growing pauses.
 *
 * @param mayGoOn asked after each refusal, with the milliseconds since the first one
 * @throws what the action throws, but that the Redis is full only where it may not go on
 */
export async function retryWhileFull<T>(
  action: () => Promise<T>,
  mayGoOn: (error: unknown, milliseconds: number) => boolean,
): Promise<T> {
  const since = Date.now();
  for (let n = 0; ; n++) {
    try {
      return await action();
    } catch (error) {
      if (!isFull(error) || !mayGoOn(error, Date.now() - since)) throw error;
      await pause(Math.min(MAX_RETRY_DELAY_MS, MIN_RETRY_DELAY_MS * 2 ** n));
    }
  }
}
