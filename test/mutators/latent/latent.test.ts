import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import type { LatentContext } from '../../../src/mutators/mutator.ts';
import { boundsOf, mutantOf, mutatorOf, traitsOf } from '../../support/mutators.ts';

const input = traitsOf({ size: 3, isEncoded: true });
const parent = Float32Array.of(0.25, 0.5, 0.75);
const before = Float32Array.of(0.1, 0.2, 0.3);
const after = Float32Array.of(0.2, 0.1, 0.4);

function moves(values: Readonly<Record<string, number>>, own: Partial<LatentContext> = {}): Float32Array[] {
  const mutator = mutatorOf('latent', input, values);
  const context = {
    random: randomStream('moves'),
    deviations: [1, 2],
    origin: [0, 0],
    partner: [0, 0],
    step: 0.3,
    ...own,
  };
  return Array.from({ length: 4000 }, () => {
    const out = new Float32Array(2);
    mutator.moveLatent?.(out, Float32Array.of(0, 0), context);
    return out;
  });
}

test('moves each value by normal noise of the step, in its own deviation', () => {
  const all = moves({});
  const deviation = (k: number): number => Math.sqrt(all.reduce((sum, z) => sum + z[k] ** 2, 0) / all.length);
  expect(deviation(0)).toBeCloseTo(0.3, 1);
  expect(deviation(1)).toBeCloseTo(0.6, 1);
});

test('stays within most deviations of the seed', () => {
  const all = moves({ most: 0.5 }, { step: 3, origin: [1, 0] });
  for (const [first, second] of all) {
    expect(first).toBeGreaterThanOrEqual(0.5);
    expect(first).toBeLessThanOrEqual(1.5);
    expect(Math.abs(second)).toBeLessThanOrEqual(1);
  }
  expect(all.some(([first]) => first === 0.5)).toBe(true);
});

test('keeps what the decoder does not give back by residual', () => {
  const made = (residual: number, decoded = { before, after }): number[] => [
    ...mutantOf('latent', parent, input, [3], 1, { residual }, { decoded }),
  ];
  expect(made(0)).toEqual([...after]);
  made(1).forEach((value, i) => expect(value).toBeCloseTo(parent[i] + after[i] - before[i], 6));
  made(0.5).forEach((value, i) => expect(value).toBeCloseTo(after[i] + 0.5 * (parent[i] - before[i]), 6));
});

test('with residual 1, a move of length 0 gives the parent bit for bit', () => {
  const values = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i) ** 2);
  const decoded = Float32Array.from({ length: 784 }, (_, i) => Math.cos(3 * i));
  const same = { before: decoded, after: decoded.slice() };
  const traits = traitsOf({ size: 784, isEncoded: true });
  const bounds = boundsOf('float32', 784, traits);
  expect(mutantOf('latent', values, traits, [784], 1, {}, { decoded: same, bounds })).toEqual(values);
});

test('is its parent where there are no models', () => {
  expect(mutantOf('latent', parent, input, [3], 1)).toEqual(parent);
});

test('an input without a latent space is refused', () => {
  expect(() => mutatorOf('latent', traitsOf())).toThrow(
    '--mutator: latent needs a latent space of this input: give --encoder and --decoder',
  );
});
