import { expect, test } from '@jest/globals';
import {
  afterConfirmation,
  type ConfirmationCounts,
  isResting,
  isSaturated,
  isStored,
  NO_CONFIRMATIONS,
} from '../../../src/campaign/findings/confirmation-schedule.ts';
import type { Confirmation } from '../../../src/storage/finding.ts';

const KEEP = 5;

/** Counts hits, of which those that are due are run again and come out with `statusOf` the hit's number, from 1. */
function fuzz(hits: number, statusOf: (hit: number) => Confirmation['status'], isCostly = false) {
  let counts: ConfirmationCounts = NO_CONFIRMATIONS;
  let reruns = 0;
  for (let hit = 1; hit <= hits; hit++) {
    if (!isSaturated(counts, KEEP) && !isResting(counts, KEEP)) {
      reruns++;
      const status = statusOf(hit);
      counts = afterConfirmation(counts, status, isStored(status, counts, KEEP), isCostly);
    }
    counts = { ...counts, hits: counts.hits + 1 };
  }
  return { counts, reruns };
}

test('flaky hits never close a signature, and cost reruns by the logarithm of their number', () => {
  const { counts, reruns } = fuzz(233_066, () => 'flaky');
  expect(isSaturated(counts, KEEP)).toBe(false);
  expect(counts).toMatchObject({ kept: 0, flaky: KEEP, misses: reruns });
  expect(reruns).toBeLessThan(150);
  expect(fuzz(2 * 233_066, () => 'flaky').reruns - reruns).toBeLessThan(10);
});

test('a fault that shows alone from some hit on is found after an eighth more of them at most', () => {
  for (const first of [6, 100, 20_000]) {
    const { counts } = fuzz(Math.ceil(first * 1.13) + 2, (hit) => (hit < first ? 'flaky' : 'confirmed'));
    expect(counts.kept).toBeGreaterThan(0);
  }
});

test('enough confirmed findings close a signature at once', () => {
  expect(fuzz(1000, () => 'confirmed')).toMatchObject({ reruns: KEEP, counts: { kept: KEEP, flaky: 0 } });
});

test('findings that need their batch fill the places, and one that shows alone is kept beside them', () => {
  const { counts } = fuzz(1000, () => 'batch-dependent');
  expect(counts).toMatchObject({ kept: KEEP, batchDependent: KEEP });
  expect(isSaturated(counts, KEEP)).toBe(false);
  expect(isStored('batch-dependent', counts, KEEP)).toBe(false);
  expect(isStored('confirmed', counts, KEEP)).toBe(true);
  const found = afterConfirmation(counts, 'confirmed', true, false);
  expect(found).toMatchObject({ kept: KEEP + 1, batchDependent: KEEP });
  expect(isSaturated(found, KEEP)).toBe(true);
});

test('failures whose reruns take the whole limit are run again at twice as many hits', () => {
  const { reruns } = fuzz(1 << 12, () => 'flaky', true);
  expect(reruns).toBeLessThanOrEqual(KEEP + 12);
});
