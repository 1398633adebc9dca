import { describe, expect, test } from '@jest/globals';
import {
  brokenShareCurve,
  quantile,
  seedLines,
  seedStatistics,
  withFindings,
} from '../../../src/campaign/monitor/seed-statistics.ts';
import { SeedAccounts } from '../../../src/fuzzer/seeds/seed-accounts.ts';
import { taskOf } from '../../support/tasks.ts';

/** Accounts of four seeds, two of which are broken, and of one that violates the objective itself. */
function accounts(): SeedAccounts {
  const all = new SeedAccounts({
    objectives: ['wrong'],
    isExclusive: true,
    perSeed: 'first',
    norm: 'linf',
    limits: {},
  });
  for (const entry of [0, 1, 2, 3]) all.addSeed(entry, `s${entry}`);
  all.recordViolatingSeed('wrong', 'bad');
  const hit = { objective: 'wrong', l2: 2, l0: 5 };
  all.apply(
    taskOf([0, 1, 2]),
    [
      { ...hit, seed: 0, query: 2, linf: 0.25 },
      { ...hit, seed: 1, query: 6, linf: 0.5 },
    ],
    (entry) => entry,
  );
  return all;
}

describe('the accounts of seeds', () => {
  test('tell which are broken, after how many mutants and at what distance', () => {
    const [statistics] = seedStatistics(accounts());
    expect(statistics).toMatchObject({
      objective: 'wrong',
      seeds: 5,
      broken: 3,
      share: 0.6,
      medianQueries: 2,
      p90Queries: 6,
      norm: 'linf',
      curve: [
        { epsilon: 0, share: 0.2 },
        { epsilon: 0.25, share: 0.4 },
        { epsilon: 0.5, share: 0.6 },
      ],
    });
    expect(statistics.accounts[1]).toEqual({
      seed: 's0',
      broken: true,
      queries: 8,
      firstQuery: 2,
      linf: 0.25,
      l2: 2,
      l0: 5,
    });
    expect(statistics.accounts[3]).toEqual({
      seed: 's2',
      broken: false,
      queries: 8,
      firstQuery: null,
      linf: null,
      l2: null,
      l0: null,
    });
  });

  test('are lowered by findings that lie nearer, and never raised', () => {
    const [statistics] = seedStatistics(accounts());
    const lowered = withFindings(statistics, [
      { ancestor: 's0', distance: { linf: 0.1, l2: 9, l0: 1 } },
      { ancestor: 's2', distance: { linf: 0.1, l2: 9, l0: 1 } },
    ]);
    expect(lowered.accounts[1]).toMatchObject({ linf: 0.1, l2: 2, l0: 1 });
    expect(lowered.accounts[3].broken).toBe(false);
    expect(lowered.curve[1]).toEqual({ epsilon: 0.1, share: 0.4 });
    expect(lowered.broken).toBe(statistics.broken);
  });

  test('are two lines for people', () => {
    expect(seedStatistics(accounts()).flatMap(seedLines)).toEqual([
      'wrong: 3 of 5 seeds broken (60 %), after a median of 2 mutants (90 % within 6)',
      '  broken within L∞ of 0: 20 %, 0.25: 40 %, 0.5: 60 %',
    ]);
  });

  test('name a distance once, however many seeds are broken just below it', () => {
    const [statistics] = seedStatistics(accounts());
    const curve = [0.39991, 0.39994, 0.4, 0.5].map((epsilon, i) => ({ epsilon, share: (i + 1) / 5 }));
    expect(seedLines({ ...statistics, curve })[1]).toBe('  broken within L∞ of 0.4: 60 %, 0.5: 80 %');
  });

  test('are none without objectives that break seeds', () => {
    expect(seedStatistics(undefined)).toEqual([]);
  });
});

test('a quantile is one of the numbers', () => {
  expect(quantile([5, 1, 9, 3], 0.5)).toBe(3);
  expect(quantile([5, 1, 9, 3], 0.9)).toBe(9);
  expect(quantile([7], 0.5)).toBe(7);
  expect(quantile([], 0.5)).toBeNull();
});

test('a curve has at most twenty points, ascends, and ends with all that are broken', () => {
  const distances = Array.from({ length: 1000 }, (_, i) => ((i * 37) % 500) / 500);
  const curve = brokenShareCurve(distances, 2000);
  expect(curve.length).toBeLessThanOrEqual(20);
  for (const [i, { epsilon, share }] of curve.entries()) {
    expect(share).toBeCloseTo(distances.filter((distance) => distance <= epsilon).length / 2000);
    if (i > 0) expect(epsilon).toBeGreaterThan(curve[i - 1].epsilon);
  }
  expect(curve[curve.length - 1].share).toBe(0.5);
});
