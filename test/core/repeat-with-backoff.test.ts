import { expect, test } from '@jest/globals';
import { repeatWithBackoff } from '../../src/core/repeat-with-backoff.ts';

test('runs an action until it is aborted, and ends with its failure', async () => {
  const stop = new AbortController();
  let runs = 0;
  const action = async (): Promise<void> => {
    runs++;
    if (runs === 3) stop.abort();
  };
  await repeatWithBackoff(action, 1, 2, stop.signal);
  expect(runs).toBe(3);
  const failing = repeatWithBackoff(
    () => Promise.reject(new Error('full')),
    1,
    2,
    new AbortController().signal,
  );
  await expect(failing).rejects.toThrow('full');
});
