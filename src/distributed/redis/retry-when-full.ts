import { setTimeout as pause } from 'node:timers/promises';
import { errorMessage } from '../../core/errors.ts';

/** Time to wait for a Redis that is out of memory. */
export const FULL_TIMEOUT_MS = 2 * 60_000;

/** Delay between attempts: initial and maximum. */
const MIN_RETRY_DELAY_MS = 500;
const MAX_RETRY_DELAY_MS = 15_000;

/** Whether Redis rejected a command because it is out of memory (`maxmemory`); other clients may free some. */
export function isFull(error: unknown): boolean {
  return /^OOM\b|maxmemory/.test(errorMessage(error));
}

/**
 * Retries an action while Redis is out of memory, with growing delays.
 *
 * @param mayContinue called after each rejection, with the milliseconds since the first attempt
 * @throws the action's error; an out-of-memory error only after `mayContinue` returned false
 */
export async function retryWhileFull<T>(
  action: () => Promise<T>,
  mayContinue: (error: unknown, milliseconds: number) => boolean,
): Promise<T> {
  const start = Date.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!isFull(error) || !mayContinue(error, Date.now() - start)) throw error;
      await pause(Math.min(MAX_RETRY_DELAY_MS, MIN_RETRY_DELAY_MS * 2 ** attempt));
    }
  }
}
