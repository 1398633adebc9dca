import { describe, expect, test } from '@jest/globals';
import { type CampaignEnd, idleReason } from '../../src/campaign/idle-reason.ts';

const end = (fields: Partial<CampaignEnd>): CampaignEnd => ({
  stopped: 'seeds',
  execs: 0,
  seedAccount: { seeds: 16, violating: 0, exempt: 0, nonFinite: 16 },
  watched: ['scores'],
  ...fields,
});

describe('a campaign without a mutant', () => {
  test('names what became of the seeds, and the flags that mend it', () => {
    expect(idleReason(end({}), {})).toBe(
      'no mutant ran: 16 of 16 seeds have values that are not finite in scores: watch other tensors with --coverage, or set other seeds with --seeds',
    );
    const seedAccount = { seeds: 16, violating: 8, exempt: 2, nonFinite: 6 };
    expect(idleReason(end({ seedAccount }), {})).toMatch(
      /: 8 of 16 seeds break an objective, 2 of 16 seeds are left out by an objective, 6 of 16 seeds/,
    );
  });

  test('names the time where that was over first', () =>
    expect(idleReason(end({ stopped: 'time' }), { time: '1s' })).toBe(
      'no mutant ran within --time 1s, which includes loading, seeds and calibration: set a longer --time',
    ));

  test('is no error where the user ended it, or it has its finding', () => {
    expect(idleReason(end({ stopped: 'interrupted' }), {})).toBeUndefined();
    expect(idleReason(end({ stopped: 'finding' }), {})).toBeUndefined();
  });
});

test('a campaign with mutants needs no reason', () =>
  expect(idleReason(end({ execs: 1 }), {})).toBeUndefined());
