import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BoundsKeeper } from '../../src/mutators/constraint.ts';
import type { Mutator } from '../../src/mutators/mutator.ts';
import { NoisePool } from '../../src/mutators/noise.ts';
import { makeMutator } from '../../src/mutators/registry.ts';
import { randomStream } from '../../src/random.ts';

const noise = new NoisePool('test');

test('flip turns switches over, at least one and no more than its rate, the same for equal draws', () => {
  const flip = makeMutator('flip:rate=0.25') as Mutator;
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), fc.nat(), (switches, key) => {
      const parent = Float64Array.from(switches, Number);
      const bounds = new BoundsKeeper('bool', parent.length, { low: 0, high: 1 }, undefined);
      const mutants = [0, 1].map(() => {
        const out = new Float64Array(parent.length + 2);
        flip.mutate(out, 2, parent, bounds, { random: randomStream('flip', key), noise });
        return out.subarray(2);
      });
      expect(mutants[0]).toEqual(mutants[1]);
      expect([...parent]).toEqual(switches.map(Number));
      expect(mutants[0].every((value) => value === 0 || value === 1)).toBe(true);
      const turned = mutants[0].filter((value, i) => value !== parent[i]).length;
      expect(turned).toBeLessThanOrEqual(Math.max(1, Math.round(parent.length / 4)));
      if (parent.length < 6) expect(turned).toBe(1);
    }),
  );
});

test('flip reaches every position and mirrors numbers within their bounds', () => {
  const flip = makeMutator('flip') as Mutator;
  const parent = Float64Array.of(0, 2, 10, 7);
  const bounds = new BoundsKeeper('int32', 4, { low: 0, high: 10 }, undefined);
  const seen = new Set<string>();
  for (let key = 0; key < 100; key++) {
    const out = new Float64Array(4);
    flip.mutate(out, 0, parent, bounds, { random: randomStream('mirror', key), noise });
    seen.add([...out].join());
  }
  expect([...seen].sort()).toEqual(['0,2,0,7', '0,2,10,3', '0,8,10,7', '10,2,10,7']);
});
