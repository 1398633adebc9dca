import { expect, test } from '@jest/globals';
import { StopConditions, timeLeft } from '../../src/campaign/stop-conditions.ts';

const never = new Promise<string>(() => {});

test('work that ends first counts, and what asks to stop later is heard by the next', async () => {
  const controller = new AbortController();
  const stop = new StopConditions(controller.signal, undefined);
  expect(await stop.raceWithStop(Promise.resolve('done'))).toBe('done');
  const waiting = stop.raceWithStop(never);
  controller.abort();
  expect(await waiting).toBe('interrupted');
  expect(await stop.raceWithStop(Promise.resolve('done'))).toBe('interrupted');
  stop.requestStop('disk');
  expect(stop.reason).toBe('interrupted');
  stop.release();
});

test('time asks to stop, and a failure beside the work is thrown where it is waited for', async () => {
  const stop = new StopConditions(new AbortController().signal, 5);
  expect(await stop.raceWithStop(never)).toBe('time');
  const failing = new StopConditions(new AbortController().signal, undefined);
  const waiting = failing.raceWithStop(never);
  failing.fail(new Error('the disk is full'));
  await expect(waiting).rejects.toThrow('the disk is full');
  await expect(failing.raceWithStop(Promise.resolve(1))).rejects.toThrow('the disk is full');
  await expect(
    new StopConditions(new AbortController().signal, undefined).raceWithStop(Promise.reject(new Error('no'))),
  ).rejects.toThrow('no');
});

test('a time limit counts from the start of the command', () => {
  expect(timeLeft(10_000, 0, 4000)).toBe(6000);
  expect(timeLeft(10_000, 500, 12_000)).toBe(0);
  expect(timeLeft(undefined, 0, 4000)).toBeUndefined();
});
