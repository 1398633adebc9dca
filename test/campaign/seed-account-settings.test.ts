import { expect, test } from '@jest/globals';
import { resolveSeedAccounts } from '../../src/campaign/seed-account-settings.ts';
import { traitsOf } from '../support/mutators.ts';

const INPUTS = { descriptors: [traitsOf()], mutators: [['gaussian']], limits: { linf: 0.1 } };
const WRONG = { name: 'misclassified', breaksSeeds: true };
const NONFINITE = { name: 'nonfinite', breaksSeeds: false };

test('objectives that break seeds have accounts; alone they have the whole budget', () => {
  expect(resolveSeedAccounts({ guidance: 'auto' }, [NONFINITE], INPUTS)).toBeUndefined();
  expect(resolveSeedAccounts({ guidance: 'auto' }, [WRONG], INPUTS)).toEqual({
    objectives: ['misclassified'],
    isExclusive: true,
    perSeed: 'first',
    norm: 'linf',
    limits: { linf: 0.1 },
  });
  const both = resolveSeedAccounts({ guidance: 'auto', perSeed: 'least' }, [NONFINITE, WRONG], INPUTS);
  expect(both).toMatchObject({ isExclusive: false, perSeed: 'least' });
});

test.each(['none', 'ann'] as const)(
  'with guidance %s they are kept, and nothing goes by them',
  (guidance) => {
    const accounts = resolveSeedAccounts({ guidance, perSeed: 'least' }, [WRONG], INPUTS);
    expect(accounts).toMatchObject({ isExclusive: false, perSeed: 'first' });
  },
);

test('least distances are refused where no objective tells which seeds are broken', () => {
  expect(() => resolveSeedAccounts({ guidance: 'auto', perSeed: 'least' }, [NONFINITE], INPUTS)).toThrow(
    /--per-seed least: none of the objectives nonfinite counts per seed/,
  );
  expect(resolveSeedAccounts({ guidance: 'auto', perSeed: 'first' }, [NONFINITE], INPUTS)).toBeUndefined();
});
