import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SeedBall } from '../../src/constraints/seed-ball.ts';
import { seedDistance } from '../../src/fuzzer/seeds/seed-distance.ts';
import { packBatch } from '../../src/model/testcase-batch.ts';
import { traitsOf } from '../support/mutators.ts';
import { testcaseOf } from '../support/tasks.ts';

const TYPES = ['float32', 'float64', 'float16', 'int32', 'uint8'] as const;
const whole = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 6, maxLength: 6 });

describe.each(['linf', 'l2', 'l0'] as const)('%s', (norm) => {
  test('a mutant comes within the radius, other rows stay, and one that is within stays', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TYPES),
        whole,
        whole,
        fc.integer({ min: 1, max: 90 }),
        (type, seedValues, values, radius) => {
          const input = traitsOf({ type, size: 6, range: { low: 0, high: 100 } });
          const ball = new SeedBall(norm, [input], [0], [6]);
          const [seed, mutant] = [testcaseOf(seedValues, type), testcaseOf(values, type)];
          const batch = packBatch([mutant, mutant]);
          ball.project(radius, mutant.form, batch.inputs, 1, seed);
          expect(batch.inputs[0].slice(0, 6)).toEqual(mutant.inputs[0]);
          const projected = { form: mutant.form, inputs: [batch.inputs[0].slice(6)] };
          // Half precision rounds what is scaled.
          const rounding = type === 'float16' ? 0.1 : 1e-4;
          expect(seedDistance(projected, seed)[norm]).toBeLessThanOrEqual(radius + rounding);
          if (seedDistance(mutant, seed)[norm] <= radius) expect(projected).toEqual(mutant);
        },
      ),
    );
  });
});

test('an input that is not mutated has no part in it, and a row of another size stays', () => {
  const [seed, mutant] = [testcaseOf([0, 0]), testcaseOf([9, 9])];
  const input = traitsOf({ size: 2, range: { low: 0, high: 10 } });
  const untouched = packBatch([mutant]);
  new SeedBall('linf', [input], [], [2]).project(1, mutant.form, untouched.inputs, 0, seed);
  new SeedBall('linf', [input], [0], [2]).project(1, mutant.form, untouched.inputs, 0, testcaseOf([0]));
  expect(untouched.inputs).toEqual(mutant.inputs);
});
