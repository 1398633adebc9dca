import { describe, expect, test } from '@jest/globals';
import { SeedAccounts, type SeedAccountsOptions } from '../../../src/fuzzer/seeds/seed-accounts.ts';
import type { SeedHit } from '../../../src/fuzzer/seeds/seed-distance.ts';
import { taskOf } from '../../support/tasks.ts';

function accountsOf(options: Partial<SeedAccountsOptions> = {}): SeedAccounts {
  const accounts = new SeedAccounts({
    objectives: ['wrong'],
    isExclusive: true,
    perSeed: 'first',
    norm: 'linf',
    limits: { linf: 1 },
    ...options,
  });
  for (const entry of [0, 1, 2]) accounts.addSeed(entry, `seed-${entry}`);
  return accounts;
}

const hit = (fields: Partial<SeedHit> = {}): SeedHit => ({
  objective: 'wrong',
  seed: 0,
  query: 3,
  linf: 0.5,
  l2: 2,
  l0: 7,
  ...fields,
});

/** Entries 10 and more descend from the seed of their last digit. */
const ancestorOf = (entry: number): number => entry % 10;

describe('an account', () => {
  test('counts the mutants of a seed and of its descendants until the first violation', () => {
    const accounts = accountsOf();
    accounts.apply(taskOf([0, 10, 1]), [], ancestorOf);
    accounts.apply(taskOf([20, 2], { mutants: 11 }), [hit()], ancestorOf);
    accounts.apply(taskOf([0]), [hit({ query: 1 })], ancestorOf);
    expect(accounts.accountsOf('wrong')).toEqual([
      { seed: 'seed-0', queries: 32, broken: { firstQuery: 19, linf: 0.5, l2: 2, l0: 7 } },
      { seed: 'seed-1', queries: 8, broken: undefined },
      { seed: 'seed-2', queries: 3, broken: undefined },
    ]);
  });

  test('keeps the least of each distance', () => {
    const accounts = accountsOf();
    accounts.apply(taskOf([0]), [hit()], ancestorOf);
    accounts.apply(taskOf([0]), [hit({ linf: 0.6, l2: 1, l0: 3 })], ancestorOf);
    expect(accounts.accountsOf('wrong')[0].broken).toEqual({ firstQuery: 3, linf: 0.5, l2: 1, l0: 3 });
    expect(accounts.leastDistance(0)).toBe(0.5);
    expect(accounts.leastDistance(1)).toBe(Infinity);
  });

  test('has nothing of mutants beyond the constraints, nor of another size', () => {
    const accounts = accountsOf();
    accounts.apply(taskOf([0]), [hit({ linf: 1.1 })], ancestorOf);
    accounts.apply(taskOf([0], { sizeChange: { places: [], size: 3 } as never }), [hit()], ancestorOf);
    expect(accounts.isUnbroken(0)).toBe(true);
    expect(accounts.accountsOf('wrong')[0].queries).toBe(8);
  });

  test('has a seed that violates the objective itself broken by no mutant', () => {
    const accounts = accountsOf();
    accounts.recordViolatingSeed('wrong', 'bad');
    expect(accounts.accountsOf('wrong')[0]).toEqual({
      seed: 'bad',
      queries: 0,
      broken: { firstQuery: 0, linf: 0, l2: 0, l0: 0 },
    });
  });
});

describe('of several objectives', () => {
  const both = { objectives: ['wrong', 'moved'] };

  test('a seed is unbroken while one is not violated, and its least distance is the greatest of them', () => {
    const accounts = accountsOf(both);
    accounts.apply(taskOf([0]), [hit()], ancestorOf);
    expect([
      accounts.isUnbroken(0),
      accounts.isUnbroken(0, 'wrong'),
      accounts.isUnbroken(0, 'moved'),
    ]).toEqual([true, false, true]);
    accounts.apply(taskOf([0]), [hit({ objective: 'moved', linf: 0.9 })], ancestorOf);
    expect(accounts.isUnbroken(0)).toBe(false);
    expect(accounts.leastDistance(0)).toBe(0.9);
  });

  test('one whose plug-in failed is left out', () => {
    const accounts = accountsOf(both);
    for (const seed of [0, 1, 2]) accounts.apply(taskOf([seed]), [hit({ seed })], ancestorOf);
    expect(accounts.hasUnbroken()).toBe(true);
    accounts.disableObjective('moved');
    expect(accounts.hasUnbroken()).toBe(false);
  });
});

test('a checkpoint has all of it, as JSON', () => {
  const accounts = accountsOf({ limits: {} });
  accounts.recordViolatingSeed('wrong', 'bad');
  accounts.apply(taskOf([0, 1]), [hit({ linf: Infinity, l2: Infinity })], ancestorOf);
  const saved = JSON.parse(JSON.stringify(accounts.save()));
  const restored = accountsOf({ limits: {} });
  restored.restore(saved, true);
  expect(restored.accountsOf('wrong')).toEqual(accounts.accountsOf('wrong'));
  expect(restored.save()).toEqual(accounts.save());
  const incomplete = accountsOf({ limits: {} });
  incomplete.restore(saved, false);
  expect(incomplete.accountsOf('wrong').filter(({ broken }) => broken !== undefined)).toMatchObject([
    { seed: 'bad' },
  ]);
});
