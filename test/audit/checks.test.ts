import { describe, expect, test } from '@jest/globals';
import {
  AUDIT_CHECKS,
  type AuditAttack,
  type AuditProbe,
  checkClaim,
  verdictOf,
} from '../../src/audit/checks.ts';
import { accuracyOf, afterAll, type Correct, compareAccuracy } from '../../src/audit/paired.ts';
import type { SlopeFacts } from '../../src/audit/slopes.ts';

/** The first so many of a hundred inputs are right. */
const right = (count: number): Correct => Array.from({ length: 100 }, (_, i) => i < count);

const FINE: SlopeFacts = {
  gradients: { 'cross-entropy': 'fine', dlr: 'fine' },
  cosine: 0.99,
  isFlat: { short: false, usual: false },
};

/** A plain network, as the specification measured one, unless told otherwise. */
function probe(
  after: Partial<Record<AuditAttack, number>> = {},
  own: Partial<Pick<AuditProbe, 'hasGradient' | 'isRandom' | 'slopes' | 'reruns'>> = {},
): AuditProbe {
  const plain: Partial<Record<AuditAttack, number>> = {
    pgd: 75,
    'pgd-dlr': 75,
    'one-step': 80,
    'ten-steps': 75,
    unbounded: 0,
    quarter: 92,
    half: 88,
    double: 0,
    fourfold: 0,
    random: 92,
    outputs: 80,
    surrogate: 87,
  };
  const accuracies = { ...plain, ...after };
  return {
    available: new Set(Object.keys(accuracies) as AuditAttack[]),
    hasGradient: true,
    isRandom: false,
    after: async (attack) => right(accuracies[attack] ?? 100),
    slopes: async () => right(100).map(() => FINE),
    reruns: async () => right(100).map(() => ({ difference: 0, changes: false })),
    ...own,
  };
}

async function flagsOf(of: AuditProbe): Promise<string[]> {
  const flags: string[] = [];
  for (const check of AUDIT_CHECKS)
    if (check.refuses?.(of) === undefined && (await check.run(of)).flagged) flags.push(check.name);
  return flags;
}

test('a difference counts above 0.05 and above two standard errors of the pairs', () => {
  expect(compareAccuracy(right(90), right(85)).counts).toBe(false);
  expect(compareAccuracy(right(90), right(80))).toMatchObject({
    value: 0.1,
    counts: true,
    inputs: [80, 81, 82, 83, 84, 85, 86, 87, 88, 89],
  });
  // 10 broken by the first alone, 20 by the second alone: 0.1, but with a standard error of 0.054.
  const first = Array.from({ length: 100 }, (_, i) => i >= 10);
  const second = Array.from({ length: 100 }, (_, i) => i < 80);
  const { value, bar, counts } = compareAccuracy(first, second);
  expect(value).toBeCloseTo(0.1, 9);
  expect(bar).toBeCloseTo(2 * Math.sqrt((0.3 - 0.01) / 99), 9);
  expect(counts).toBe(false);
  expect(accuracyOf(afterAll([first, second]))).toBeCloseTo(0.7, 9);
});

describe('flags', () => {
  test('of a plain network there are none', async () => {
    expect(await flagsOf(probe())).toEqual([]);
  });

  const rounded = {
    pgd: 92,
    'pgd-dlr': 92,
    'one-step': 92,
    'ten-steps': 92,
    half: 92,
    double: 92,
    fourfold: 92,
  };
  const flat: SlopeFacts = { ...FINE, gradients: { 'cross-entropy': 'zero', dlr: 'zero' }, cosine: 0 };

  test.each([
    [
      'a rounded input',
      probe(
        { ...rounded, unbounded: 65, outputs: 75, surrogate: 87 },
        { slopes: async () => right(100).map(() => flat) },
      ),
      ['no-gradient', 'wrong-gradient', 'unbounded', 'flat-curve', 'outputs-better'],
    ],
    [
      'logits times 200',
      probe(
        { ...rounded, 'pgd-dlr': 75, unbounded: 60 },
        {
          slopes: async () =>
            right(100).map(() => ({
              ...FINE,
              gradients: { 'cross-entropy': 'broken', dlr: 'fine' } as const,
            })),
        },
      ),
      ['no-gradient', 'scale', 'unbounded', 'flat-curve', 'outputs-better'],
    ],
    ['more steps that help', probe({ 'ten-steps': 90 }), ['more-steps']],
    ['one step that does better', probe({ 'one-step': 60 }), ['one-step-better']],
    ['random points that do better', probe({ random: 60 }), ['random-better']],
    ['inputs of a surrogate that do better', probe({ surrogate: 60 }), ['transfer-better']],
    ['a curve that rises', probe({ half: 60, pgd: 75 }), ['flat-curve']],
  ])('of %s', async (_name, of, flags) => {
    expect(await flagsOf(of)).toEqual(flags);
  });

  test('of noise: the gradient is not judged by differences', async () => {
    const noisy = probe(
      {},
      {
        reruns: async () => right(100).map((_, i) => ({ difference: i === 3 ? 1e-4 : 0, changes: false })),
        slopes: async () => right(100).map(() => ({ ...FINE, cosine: 0.01 })),
      },
    );
    expect(await flagsOf(noisy)).toEqual(['nondeterministic']);
  });

  test('of a staircase without gradients', async () => {
    const isFlat = (i: number) => ({ isFlat: { short: i < 11, usual: false } });
    const stairs = probe({}, { hasGradient: false, slopes: async () => right(100).map((_, i) => isFlat(i)) });
    expect(await flagsOf(stairs)).toEqual(['staircase']);
    const saturated = { isFlat: { short: true, usual: true } };
    const flatThroughout = probe({}, { hasGradient: false, slopes: async () => [saturated] });
    expect(await flagsOf(flatThroughout)).toEqual([]);
  });
});

test('the verdict', () => {
  const named = (...names: string[]) => AUDIT_CHECKS.filter(({ name }) => names.includes(name));
  expect(verdictOf(AUDIT_CHECKS, named('more-steps', 'flat-curve'))).toBe('no sign of masking');
  expect(verdictOf(AUDIT_CHECKS, named('nondeterministic'))).toBe('random');
  expect(verdictOf(named('nondeterministic', 'more-steps'), [])).toBe('not judged');
  expect(verdictOf(AUDIT_CHECKS, named('nondeterministic', 'outputs-better'))).toBe('masked');
});

test('a claim is wrong where what is left is more than 0.02 below it', () => {
  expect(checkClaim(0.92, 0.9, right(90))).toMatchObject({ flagged: false, value: 0.9 });
  expect(checkClaim(0.92, 0.89, right(98))).toMatchObject({ flagged: true, inputs: [98, 99] });
});
