import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { drawStrength } from '../../../src/mutators/numeric/mutation-strength.ts';

const draws = (learned?: number): number[] => {
  const random = randomStream('strengths');
  return Array.from({ length: 7000 }, () => drawStrength(random, learned));
};

test('where nothing paid yet, strengths are log-uniform over seven decades', () => {
  const decades = new Array<number>(7).fill(0);
  for (const strength of draws()) decades[Math.min(6, Math.floor(-Math.log10(strength)))]++;
  for (const count of decades) expect(count / 1000).toBeCloseTo(1, 0);
});

test('half of the strengths are near the one that paid, and the others anywhere', () => {
  const isNear = (strength: number): boolean => Math.abs(Math.log2(strength / 1e-4)) < 4;
  const share = (list: readonly number[]): number => list.filter(isNear).length / list.length;
  expect(share(draws())).toBeCloseTo(0.34, 1);
  expect(share(draws(1e-4))).toBeGreaterThan(0.6);
});

test('strengths stay within the seven decades', () => {
  for (const strength of [...draws(1), ...draws(1e-7)]) {
    expect(strength).toBeGreaterThanOrEqual(1e-7);
    expect(strength).toBeLessThanOrEqual(1);
  }
});
