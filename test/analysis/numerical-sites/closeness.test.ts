import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { closenessOf, closenessText } from '../../../src/analysis/numerical-sites/closeness.ts';
import {
  above,
  at,
  below,
  type Hazard,
  limitsOf,
  marginOf,
} from '../../../src/analysis/numerical-sites/hazard.ts';
import type { HazardTarget } from '../../../src/analysis/numerical-sites/site.ts';
import { marginsOf } from '../../../src/analysis/numerical-sites/site-margins.ts';

const FLOAT = limitsOf('float32');
const EXP = above(Math.log(FLOAT.max), FLOAT);

/** The text for a run in which the target's tensors had these values. */
function textOf(
  kind: string,
  target: HazardTarget,
  values: Readonly<Record<string, readonly number[]>>,
): string | undefined {
  const tensors = new Map(
    Object.entries(values).map(([name, data]) => [
      name,
      {
        name,
        type: 'float32' as const,
        shape: [data.length],
        size: data.length,
        data: Float32Array.from(data),
      },
    ]),
  );
  const margin = Math.min(...marginsOf(target, tensors, 0));
  const closeness = closenessOf({ target, margin }, kind);
  return closeness && closenessText(closeness);
}

test.each<[string, Hazard, number[], string]>([
  ['exp', EXP, [3, 65.1, -7], 'largest operand 65.1, overflows at 88.7'],
  ['exp', EXP, [-12.5], 'largest operand -12.5, overflows at 88.7'],
  ['exp', EXP, [88.71], 'largest operand 88.71, overflows at 88.72'],
  ['log', below(0, FLOAT), [0.25, 3e-9], 'smallest operand 3e-9, fails at 0'],
  ['sqrt', below(0, FLOAT, true), [0.25, 4], 'smallest operand 0.25, fails below 0'],
  ['asin', above(1, FLOAT, true), [0.5], 'largest operand 0.5, fails above 1'],
  ['div', at(0, FLOAT), [2, -1.5e-5], 'smallest magnitude of the divisor 0.000015, fails at 0'],
  ['pow', below(-1e6, FLOAT), [-1000, 5], 'smallest operand -1000, overflows at -1000000'],
  [
    'log-softmax',
    { kind: 'gap', bound: 104, unit: 1e-5, axis: 1 },
    [1, -41.5, 0],
    'largest difference of logits 42.5, underflows at 104',
  ],
  ['normalisation', { kind: 'flat', from: 1 }, [3, 3.125], 'smallest spread of values 0.125, fails at 0'],
  [
    'half-sum',
    { kind: 'sum', term: 'square', over: { from: 1 }, bound: 65504, unit: 32 },
    [30, 40],
    'largest partial sum 2500, overflows at 65500',
  ],
  ['softmax-mask', { kind: 'masked', axis: 1 }, [-Infinity, 0.5, 2], 'fewest unmasked values 2, fails at 0'],
])('%s: the value is that of the run', (kind, hazard, values, text) => {
  expect(textOf(kind, { tensor: 'x', hazard }, { x: values })).toBe(text);
});

test('behind an operation that saturates the value before it is told, by its name', () => {
  const target = {
    tensor: 'p',
    hazard: below(0, FLOAT),
    proxy: { tensor: 'logit', hazard: below(-104, FLOAT) },
  };
  expect(textOf('log', target, { p: [1e-20], logit: [-46] })).toBe(
    'smallest value of logit -46, fails at -104',
  );
  const dead = {
    tensor: 'x',
    hazard: { kind: 'flat', from: 1 },
    proxy: { tensor: 'pre', hazard: { kind: 'all', each: below(0, FLOAT) } },
  } as const;
  expect(textOf('normalisation', dead, { x: [1, 2, 0], pre: [1, 2, -4] })).toBe(
    'fewest values of pre outside the unsafe region 2, fails at 0',
  );
});

test('a margin of zero has no closeness', () => {
  expect(closenessOf({ target: { tensor: 'x', hazard: EXP }, margin: 0 }, 'exp')).toBeUndefined();
});

test('any value is found again from its margin', () => {
  const hazards = [EXP, below(0, FLOAT), below(-1e30, FLOAT), above(65_504, limitsOf('float16'), true)];
  fc.assert(
    fc.property(
      fc.constantFrom(...hazards),
      fc.double({ min: -80, max: 80, noNaN: true }),
      (hazard, value) => {
        const margin = marginOf(value, hazard);
        fc.pre(margin > 0);
        const found = closenessOf({ target: { tensor: 'x', hazard }, margin }, 'exp');
        expect(Math.abs((found?.value ?? Number.NaN) - value)).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs((found?.bound ?? 0) < -1e20 ? 1e30 : 1e5)),
        );
      },
    ),
  );
});
