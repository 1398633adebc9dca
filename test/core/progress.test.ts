import { expect, test } from '@jest/globals';
import {
  countText,
  type Progress,
  progressShare,
  RemainingTime,
  remainingText,
} from '../../src/core/progress.ts';

const findings = (done: number, inner?: Progress): Progress => ({
  label: 'minimizing',
  done,
  total: 4,
  unit: 'finding',
  inner,
});
const runs = (done: number): Progress => ({
  label: 'one',
  done,
  total: 100,
  isUpperBound: true,
  unit: 'run',
});

test('the share that is done includes that of the current piece', () => {
  expect(progressShare(findings(1))).toBe(0.25);
  expect(progressShare(findings(1, runs(50)))).toBe(0.375);
  expect(progressShare(findings(4, runs(50)))).toBe(1);
  expect(progressShare({ label: 'reading', done: 9, unit: 'file' })).toBeUndefined();
  expect(progressShare({ label: 'nothing', done: 0, total: 0, unit: 'file' })).toBeUndefined();
});

test('pieces are counted with their noun', () => {
  expect(countText(findings(1))).toBe('1 of 4 findings');
  expect(countText({ ...findings(0), total: 1 })).toBe('0 of 1 finding');
  expect(countText(runs(7))).toBe('7 of at most 100 runs');
  expect(countText({ label: 'reading', done: 1024, unit: 'testcase' })).toBe('1,024 testcases');
  expect(countText(findings(1), false)).toBe('1 of 4');
  expect(remainingText(12, true)).toBe('remaining at most 12 s');
});

test('the remaining time follows from the time that the part that is done took', () => {
  let now = 0;
  const remaining = new RemainingTime(() => now);
  expect(remaining.estimate(findings(0))).toEqual([undefined]);
  now = 500;
  // Too early to tell.
  expect(remaining.estimate(findings(1))).toEqual([undefined]);
  now = 10_000;
  expect(remaining.estimate(findings(1))).toEqual([30]);
  now = 20_000;
  expect(remaining.estimate(findings(3))).toEqual([20 / 3]);
});

test('each level has its own estimate, which begins anew with the next piece', () => {
  let now = 0;
  const remaining = new RemainingTime(() => now);
  remaining.estimate(findings(0, runs(0)));
  now = 10_000;
  const [outer, inner] = remaining.estimate(findings(0, runs(50)));
  expect(inner).toBeCloseTo(10);
  expect(outer).toBeCloseTo(70);
  now = 20_000;
  expect(remaining.estimate(findings(1, { ...runs(0), label: 'two' }))).toEqual([60, undefined]);
});

test('a remaining time that is known is taken as it is', () => {
  const remaining = new RemainingTime(() => 0);
  expect(remaining.estimate({ ...findings(0), remainingSeconds: 42 })).toEqual([42]);
});
