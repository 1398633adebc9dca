import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { boundsOf, givenOf, mutatorOf, traitsOf } from '../../support/mutators.ts';

test('flip turns switches over, at least one and no more than its rate, the same for equal draws', () => {
  const flip = mutatorOf('flip', traitsOf({ type: 'bool' }), { rate: 0.25 });
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), fc.nat(), (switches, key) => {
      const parent = Float64Array.from(switches, Number);
      const bounds = boundsOf('bool', parent.length, { range: { low: 0, high: 1 } });
      const mutants = [0, 1].map(() => {
        const out = new Float64Array(parent.length + 2);
        flip.mutate(out, 2, parent, givenOf(key, bounds, [parent.length]));
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
  const flip = mutatorOf('flip', traitsOf({ type: 'int32' }));
  const parent = Float64Array.of(0, 2, 10, 7);
  const bounds = boundsOf('int32', 4, { range: { low: 0, high: 10 } });
  const seen = new Set<string>();
  for (let key = 0; key < 100; key++) {
    const out = new Float64Array(4);
    flip.mutate(out, 0, parent, givenOf(`mirror ${key}`, bounds, [4]));
    seen.add([...out].join());
  }
  expect([...seen].sort()).toEqual(['0,2,0,7', '0,2,10,3', '0,8,10,7', '10,2,10,7']);
});
