import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MIN_TURN_MS, splitByShare, TimeBudget } from '../../src/nightly/budget.ts';

const HOUR = 3_600_000;

/** Spends a budget by a clock of its own; `uses` says how much of its time a campaign takes. */
async function spent(
  shares: Readonly<Record<string, number>>,
  uses: (name: string, time: number) => number,
  total = HOUR,
): Promise<{ readonly turns: [name: string, time: number][]; readonly elapsed: number }> {
  let clock = 0;
  const turns: [string, number][] = [];
  const campaigns = Object.entries(shares).map(([name, share]) => ({ name, share }));
  await new TimeBudget(total, () => clock).spend(
    campaigns,
    async ({ name }, time) => {
      turns.push([name, time]);
      const used = Math.min(time, uses(name, time));
      clock += used;
      return used === time;
    },
    () => false,
  );
  return { turns, elapsed: clock };
}

test('campaigns are dealt out so that shares come to about the same', () => {
  const campaigns = [3, 1, 1, 1, 2].map((share, i) => ({ name: `c${i}`, share }));
  const names = (most: number) => splitByShare(campaigns, most).map((lane) => lane.map(({ name }) => name));
  expect(names(1)).toEqual([['c0', 'c1', 'c2', 'c3', 'c4']]);
  expect(names(2)).toEqual([
    ['c0', 'c4'],
    ['c1', 'c2', 'c3'],
  ]);
  expect(names(9)).toEqual([['c0'], ['c1'], ['c2'], ['c3'], ['c4']]);
  expect(splitByShare([], 8)).toEqual([]);
});

describe('a time budget', () => {
  test('is shared by shares', async () => {
    const { turns } = await spent({ a: 1, b: 2, c: 1 }, (_, time) => time);
    expect(turns).toEqual([
      ['a', HOUR / 4],
      ['b', HOUR / 2],
      ['c', HOUR / 4],
    ]);
  });

  test('what one does not use goes to those after it', async () => {
    const { turns } = await spent({ a: 1, b: 1, c: 1 }, (name, time) => (name === 'a' ? 0 : time));
    expect(turns.slice(1)).toEqual([
      ['b', HOUR / 2],
      ['c', HOUR / 2],
    ]);
  });

  test('what the last one leaves goes round again, to those that could use more', async () => {
    const { turns, elapsed } = await spent({ a: 1, b: 1, c: 2 }, (name, time) => (name === 'c' ? 0 : time));
    expect(turns.slice(3)).toEqual([
      ['a', HOUR / 4],
      ['b', HOUR / 4],
    ]);
    expect(elapsed).toBe(HOUR);
  });

  test('is used up while anyone could use more, and is not overdrawn by more than the least turns', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 9 }), {
          minKeys: 1,
        }),
        fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e')),
        async (shares, lazy) => {
          const { elapsed, turns } = await spent(shares, (name, time) => (lazy.includes(name) ? 1 : time));
          expect(elapsed).toBeLessThanOrEqual(HOUR + MIN_TURN_MS * turns.length);
          if (Object.keys(shares).some((name) => !lazy.includes(name)))
            expect(elapsed).toBeGreaterThanOrEqual(HOUR * 0.97);
          expect(new Set(turns.map(([name]) => name))).toEqual(new Set(Object.keys(shares)));
        },
      ),
    );
  });

  test('ends where it is asked to', async () => {
    let turns = 0;
    await new TimeBudget(HOUR).spend(
      [
        { name: 'a', share: 1 },
        { name: 'b', share: 1 },
      ],
      async () => {
        turns++;
        return true;
      },
      () => turns === 1,
    );
    expect(turns).toBe(1);
  });
});
