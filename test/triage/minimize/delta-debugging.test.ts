import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deltaDebug } from '../../../src/triage/minimize/delta-debugging.ts';
import { findFirstFailing, subsets } from '../../../src/triage/minimize/find-first-failing.ts';
import { growGreedily } from '../../../src/triage/minimize/grow-greedily.ts';
import { minimizeShares } from '../../../src/triage/minimize/minimize-shares.ts';
import { TryBudget } from '../../../src/triage/minimize/test-oracle.ts';
import { applyEdits, diffTokens } from '../../../src/triage/minimize/token-edits.ts';

const PLENTY = 100_000;

/** Tries that hold where a rule does. */
const by =
  <T>(rule: (variant: T) => boolean) =>
  async (variants: readonly T[]) =>
    variants.map(rule);

const same = (kept: readonly number[]): readonly number[] => kept;

describe('fewest', () => {
  test('finds just the parts that are needed, wherever they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        async (count, drawn) => {
          const needed = [...new Set(drawn.map((n) => n % count))].sort((a, b) => a - b);
          const tries = by<readonly number[]>((kept) => needed.every((place) => kept.includes(place)));
          expect(await deltaDebug(count, same, tries, new TryBudget(PLENTY))).toEqual(needed);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('leaves none of which one more could go, where parts depend on one another', async () => {
    // Any three of them do, and part 5 only together with part 6.
    const rule = (kept: readonly number[]): boolean =>
      kept.length >= 3 && kept.includes(5) === kept.includes(6);
    const kept = await deltaDebug(40, same, by(rule), new TryBudget(PLENTY));
    expect(rule(kept)).toBe(true);
    for (const place of kept) expect(rule(kept.filter((other) => other !== place))).toBe(false);
  });

  test('gives what it has when the budget is spent, and tries no more than that', async () => {
    let asked = 0;
    const tries = async (variants: readonly (readonly number[])[]) => {
      asked += variants.length;
      return variants.map((kept) => kept.filter((place) => place % 2 === 0).length === 50);
    };
    const budget = new TryBudget(40);
    const kept = await deltaDebug(100, same, tries, budget);
    expect(asked).toBeLessThanOrEqual(40);
    expect(kept.filter((place) => place % 2 === 0)).toHaveLength(50);
  });
});

test('smallest comes close to the least shares that do', async () => {
  const least = [0.1, 0.5, 0.9, 0];
  const tries = by<Float64Array>((shares) => least.every((share, i) => shares[i] >= share));
  const shares = await minimizeShares(4, (own) => own.slice(), tries, new TryBudget(PLENTY));
  least.forEach((share, i) => {
    expect(shares[i]).toBeGreaterThanOrEqual(share);
    expect(shares[i]).toBeLessThan(share + 0.02);
  });
});

test('subsets come from the smallest on, each once', () => {
  const all = [...subsets(5, 4)];
  expect(all).toHaveLength(1 + 5 + 10 + 10);
  expect(new Set(all.map(String)).size).toBe(all.length);
  expect(all.map(({ length }) => length)).toEqual(all.map(({ length }) => length).sort());
});

test('the first that does is the smallest, and no more are tried than the budget has', async () => {
  const rule = (kept: readonly number[]): boolean => kept.join() === '1,3';
  expect(await findFirstFailing(subsets(6, 6), by(rule), new TryBudget(PLENTY))).toEqual([1, 3]);
  expect(await findFirstFailing(subsets(6, 6), by(rule), new TryBudget(5))).toBeUndefined();
});

describe('grown', () => {
  const weights = [1, 9, 2, 8, 3, 7];
  const margin = (kept: readonly number[]): number =>
    Math.max(0, 22 - kept.reduce((sum, i) => sum + weights[i], 0));
  const nearness = async (variants: readonly (readonly number[])[]) => variants.map(margin);
  const tries = by<readonly number[]>((kept) => margin(kept) === 0);

  test('takes the parts that bring it nearest', async () => {
    expect(await growGreedily(6, 6, same, nearness, tries, new TryBudget(PLENTY))).toEqual([1, 3, 5]);
  });

  test('gives up where it takes as many as there are, or nothing comes nearer', async () => {
    expect(await growGreedily(6, 3, same, nearness, tries, new TryBudget(PLENTY))).toBeUndefined();
    const far = async (variants: readonly unknown[]) => variants.map(() => Number.POSITIVE_INFINITY);
    expect(await growGreedily(6, 6, same, far, tries, new TryBudget(PLENTY))).toBeUndefined();
  });
});

test('edits lead from one sequence to another, as few as there can be, and some of them to one between', () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 });
  fc.assert(
    fc.property(tokens, tokens, (from, to) => {
      const edits = diffTokens(from, to);
      expect(applyEdits(from, edits)).toEqual(to);
      expect(applyEdits(from, [])).toEqual(from);
      expect(edits.length).toBeLessThanOrEqual(Math.max(from.length, to.length));
      for (let i = 0; i < edits.length; i++) {
        const some = applyEdits(
          from,
          edits.filter((_, k) => k !== i),
        );
        expect(diffTokens(some, to).length).toBeLessThanOrEqual(1);
      }
    }),
  );
  expect(diffTokens([1, 2, 3], [1, 3, 4])).toHaveLength(2);
});
