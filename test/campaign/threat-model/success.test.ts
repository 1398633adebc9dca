import { describe, expect, test } from '@jest/globals';
import type { SeedStatistics } from '../../../src/campaign/monitor/seed-statistics.ts';
import { errorWarnings, successLine, threatSuccess } from '../../../src/campaign/threat-model/success.ts';
import { threatModelSettings } from '../../../src/config/threat-model.ts';

/** An account of seeds by their first query: null for one that is not broken, 0 for one that is wrong already. */
const account = (...firstQueries: (number | null)[]): SeedStatistics => ({
  objective: 'misclassified',
  seeds: firstQueries.length,
  broken: firstQueries.filter((query) => query !== null).length,
  share: 0,
  medianQueries: null,
  p90Queries: null,
  norm: 'linf',
  curve: [],
  accounts: firstQueries.map((firstQuery, i) => ({
    seed: String(i),
    broken: firstQuery !== null,
    queries: 9,
    firstQuery,
    linf: null,
    l2: null,
    l0: null,
  })),
});

const MODEL = threatModelSettings.parse({ goal: { kind: 'untargeted' } });
const GIVEN = { starts: 'given' } as const;
const POPULATION = { ...GIVEN, population: { share: 0.01, cost: 20 } };

describe('the success of an attacker', () => {
  test('counts seeds that are wrong already, and those that an objective leaves out', () => {
    // Ten seeds: one left out, one wrong already, three broken, five that hold.
    const [success] = threatSuccess(GIVEN, 10, [account(0, 5, 6, 7, null, null, null, null, null)]);
    expect(success).toEqual({ objective: 'misclassified', seeds: 5, of: 10, errors: 2, isReached: true });
  });

  test('has an expected loss: 0.99 · 0.2 + 0.01 · 20 · 0.5', () => {
    const [{ expectedLoss }] = threatSuccess(POPULATION, 10, [
      account(0, 5, 6, 7, null, null, null, null, null),
    ]);
    expect(expectedLoss).toBeCloseTo(0.298, 10);
  });

  test('is certain for whoever picks the input and reached the goal: 0.99 · 0.2 + 0.01 · 20', () => {
    const broken = [account(0, 5, null, null, null, null, null, null, null)];
    const [{ expectedLoss }] = threatSuccess({ ...POPULATION, starts: 'chosen' }, 10, broken);
    expect(expectedLoss).toBeCloseTo(0.398, 10);
    const [unreached] = threatSuccess({ ...POPULATION, starts: 'own' }, 4, [account(0, null, null)]);
    expect(unreached.expectedLoss).toBeCloseTo(0.99 * 0.5 + 0.2 * 0.5, 10);
  });

  test('is not reached where only ordinary errors are wrong', () => {
    const [success] = threatSuccess(GIVEN, 4, [account(0, null, null)]);
    expect(success).toMatchObject({ seeds: 2, errors: 2, isReached: false });
    expect(successLine({ starts: 'chosen' }, success)).toBe(
      'threat model: misclassified: 2 seeds of 4 wrong without an attack (50 %), the attacker did not reach the goal',
    );
    expect(errorWarnings({ model: MODEL, seeds: 4 }, [account(0, null, null)])).toEqual([
      'threat model: misclassified: 2 seeds wrong without an attack, 0 by it: ordinary errors come first',
    ]);
  });

  test('comes before ordinary errors where it is more', () => {
    const [success] = threatSuccess(POPULATION, 5, [account(5, 6, null, null)]);
    expect(errorWarnings({ model: MODEL, seeds: 5 }, [account(5, 6, null, null)])).toEqual([]);
    expect(errorWarnings(undefined, [account(0, null, null)])).toEqual([]);
    expect(successLine({ starts: 'given' }, success)).toBe(
      'threat model: misclassified: 3 of 5 wrong under attack (60 %), 1 seed of 5 wrong without an attack (20 %); expected loss 0.318 errors per input',
    );
    expect(successLine({ starts: 'own' }, success)).toMatch(/the attacker reached the goal, 1 seed/);
  });
});
