import { expect, test } from '@jest/globals';
import { isFull, retryWhileFull } from '../../../src/distributed/redis/retry-when-full.ts';

const FULL = "OOM command not allowed when used memory > 'maxmemory'.";

test('what a full Redis refuses is tried again, until it may not be', async () => {
  let tries = 0;
  const action = async (): Promise<string> => {
    if (++tries < 3) throw new Error(FULL);
    return 'done';
  };
  expect(await retryWhileFull(action, () => true)).toBe('done');
  expect(tries).toBe(3);
  tries = 0;
  await expect(retryWhileFull(action, () => tries < 2)).rejects.toThrow(FULL);
  expect(tries).toBe(2);
});

test('other errors are not', async () => {
  let tries = 0;
  const action = async (): Promise<void> => {
    tries++;
    throw new Error('WRONGTYPE Operation against a key holding the wrong kind of value');
  };
  await expect(retryWhileFull(action, () => true)).rejects.toThrow(/WRONGTYPE/);
  expect(tries).toBe(1);
  expect([isFull(new Error(FULL)), isFull(new Error('it is in no ROOM'))]).toEqual([true, false]);
});
