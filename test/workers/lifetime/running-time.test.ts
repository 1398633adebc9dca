import { expect, test } from '@jest/globals';
import { activityOf, type ProcessActivity, RunningTime } from '../../../src/workers/lifetime/running-time.ts';

/** Milliseconds after which a silent process counts as one that hangs, looked at every 100 ms. */
function hangsAfter(
  limit: number,
  look: (ms: number) => ProcessActivity | undefined,
  interval = 100,
): number {
  let now = 0;
  const silence = new RunningTime(
    () => look(now),
    () => now,
  );
  for (now = interval; !silence.exceeds(limit); ) now += interval;
  return now;
}

test.each([
  ['sleeps', () => ({ state: 'asleep', cpu: 50 }), 15_000],
  ['is not known', () => undefined, 15_000],
  ['computes all the time', (ms: number) => ({ state: 'runnable', cpu: ms }), 15_000],
  ['computes on several threads', (ms: number) => ({ state: 'runnable', cpu: 4 * ms }), 15_000],
  ['gets a fifth of a processor', (ms: number) => ({ state: 'runnable', cpu: 1000 + ms / 5 }), 70_500],
  ['gets none', () => ({ state: 'runnable', cpu: 50 }), 150_000],
  ['is stopped', () => ({ state: 'stopped', cpu: 50 }), 150_000],
] as const)('a process that %s', (_, look, after) => {
  const measured = hangsAfter(15_000, look as (ms: number) => ProcessActivity | undefined);
  expect(Math.abs(measured - after)).toBeLessThanOrEqual(500);
});

test('time in which this process itself did not run does not count', () => {
  expect(hangsAfter(2000, () => undefined, 4000)).toBeGreaterThan(12_000);
});

test('a reset begins anew', () => {
  let now = 0;
  const silence = new RunningTime(
    () => undefined,
    () => now,
  );
  for (now = 100; now <= 900; now += 100) expect(silence.exceeds(1000)).toBe(false);
  silence.reset();
  for (now = 1000; now <= 1800; now += 100) expect(silence.exceeds(1000)).toBe(false);
});

test('what this process does is known on Linux', () => {
  const activity = activityOf(process.pid);
  if (process.platform !== 'linux') expect(activity).toBeUndefined();
  else {
    expect(activity?.state).toBe('runnable');
    expect(activity?.cpu).toBeGreaterThan(0);
  }
  expect(activityOf(2 ** 30)).toBeUndefined();
});
