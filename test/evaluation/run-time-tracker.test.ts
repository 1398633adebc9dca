import { expect, test } from '@jest/globals';
import { median, RunTimeTracker } from '../../src/evaluation/run-time-tracker.ts';

test('knows no usual duration before seven runs of a shape', () => {
  const tracker = new RunTimeTracker();
  for (let n = 0; n < 6; n++) tracker.record('4', 1);
  expect(tracker.usualSeconds('4')).toBe(Number.POSITIVE_INFINITY);
  tracker.record('4', 1);
  expect([tracker.usualSeconds('4'), tracker.usualSeconds('5')]).toEqual([1, Number.POSITIVE_INFINITY]);
});

test('forgets all but the last 31 runs', () => {
  const tracker = new RunTimeTracker();
  for (let n = 0; n < 31; n++) tracker.record('4', 1);
  for (let n = 0; n < 15; n++) tracker.record('4', 2);
  expect(tracker.usualSeconds('4')).toBe(1);
  tracker.record('4', 2);
  expect(tracker.usualSeconds('4')).toBe(2);
});

test('the median of an even number of values is the upper one', () => {
  expect([median([3, 1, 2]), median([4, 1]), median([])]).toEqual([2, 4, Number.POSITIVE_INFINITY]);
});
