import { expect, test } from '@jest/globals';
import { sessionTime, sessionTimeParts } from '../../../src/campaign/monitor/session-time.ts';

const statistics = { execs: 1000, execsPerSecond: 100, execsPerSecondNow: 50 };
const limits = { startedAt: 2000, seconds: undefined, execs: undefined };

test('a session without limits tells how long it has run', () => {
  const time = sessionTime(limits, statistics, 9400);
  expect(time).toEqual({ elapsedSeconds: 7.4, limitSeconds: undefined, remainingSeconds: undefined });
  expect(sessionTimeParts(time)).toEqual(['7 s']);
});

test('a limited time counts from the start of the command', () => {
  const time = sessionTime({ ...limits, seconds: 60 }, statistics, 9400);
  expect(sessionTimeParts(time)).toEqual(['7 s of 60 s', 'remaining 53 s']);
});

test('what is left of a number of mutants is estimated by the rate at this moment', () => {
  expect(sessionTime({ ...limits, execs: 1500 }, statistics, 9400).remainingSeconds).toBe(10);
  const idle = { ...statistics, execsPerSecondNow: 0 };
  expect(sessionTime({ ...limits, execs: 1500 }, idle, 9400).remainingSeconds).toBe(5);
  const begins = { execs: 0, execsPerSecond: 0, execsPerSecondNow: 0 };
  expect(sessionTime({ ...limits, execs: 1500 }, begins, 2000).remainingSeconds).toBeUndefined();
});

test('of two limits the one that is reached first counts', () => {
  expect(sessionTime({ ...limits, seconds: 60, execs: 1500 }, statistics, 9400).remainingSeconds).toBe(10);
  expect(sessionTime({ ...limits, seconds: 8, execs: 1500 }, statistics, 9400).remainingSeconds).toBeCloseTo(
    0.6,
  );
});
