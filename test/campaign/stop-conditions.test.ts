import { expect, test } from '@jest/globals';
import { Stop } from '../../src/campaign/stop-conditions.ts';

const never = new Promise<string>(() => {});

test('work that ends first counts, and what asks to stop later is heard by the next', async () => {
  const controller = new AbortController();
  const stop = new Stop(controller.signal, undefined);
  expect(await stop.orWork(Promise.resolve('done'))).toBe('done');
  const waiting = stop.orWork(never);
  controller.abort();
  expect(await waiting).toBe('interrupted');
  expect(await stop.orWork(Promise.resolve('done'))).toBe('interrupted');
  stop.ask('disk');
  expect(stop.reason).toBe('interrupted');
  stop.release();
});

test('time asks to stop, and a failure beside the work is thrown where it is waited for', async () => {
  const stop = new Stop(new AbortController().signal, 5);
  expect(await stop.orWork(never)).toBe('time');
  const failing = new Stop(new AbortController().signal, undefined);
  const waiting = failing.orWork(never);
  failing.fail(new Error('the disk is full'));
  await expect(waiting).rejects.toThrow('the disk is full');
  await expect(failing.orWork(Promise.resolve(1))).rejects.toThrow('the disk is full');
  await expect(
    new Stop(new AbortController().signal, undefined).orWork(Promise.reject(new Error('no'))),
  ).rejects.toThrow('no');
});
