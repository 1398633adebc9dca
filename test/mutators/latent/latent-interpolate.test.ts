import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { resolveMutatorSpec } from '../../../src/mutators/registry.ts';
import { mutantOf, traitsOf } from '../../support/mutators.ts';

const input = traitsOf({ size: 2, isEncoded: true });

async function points(spec: string): Promise<Float32Array[]> {
  const [{ kind, values, words }] = await resolveMutatorSpec(spec);
  const mutator = kind.make(values, input, words);
  const context = {
    random: randomStream('points'),
    deviations: [1, 1],
    origin: [0, 0],
    partner: [0, 2],
    step: 0.3,
  };
  return Array.from({ length: 500 }, () => {
    const out = new Float32Array(2);
    mutator.moveLatent?.(out, Float32Array.of(2, 0), context);
    return out;
  });
}

test('takes points of the line between two vectors, or beyond them', async () => {
  const within = await points('latent-interpolate');
  for (const [x, y] of within) {
    expect(x + y).toBeCloseTo(2, 5);
    expect(x).toBeGreaterThanOrEqual(0);
    expect(y).toBeGreaterThanOrEqual(0);
  }
  const beyond = await points('latent-interpolate:beyond=0.5');
  expect(beyond.some(([x]) => x < 0)).toBe(true);
  for (const [x] of beyond) expect(x).toBeGreaterThanOrEqual(-1);
});

test('curve=slerp goes along the arc', async () => {
  for (const [x, y] of await points('latent-interpolate:curve=slerp'))
    expect(Math.hypot(x, y)).toBeCloseTo(2, 4);
  await expect(resolveMutatorSpec('latent-interpolate:curve=spiral')).rejects.toThrow(
    '--mutator: latent-interpolate:curve must be one of line, slerp',
  );
});

test('the mutant is what the decoder gives', () => {
  const decoded = { before: [0, 0], after: [0.25, 0.5] };
  expect([...mutantOf('latent-interpolate', Float32Array.of(1, 1), input, [2], 1, {}, { decoded })]).toEqual([
    0.25, 0.5,
  ]);
});
