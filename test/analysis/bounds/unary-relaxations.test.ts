import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { linesOver, type RelaxedFunction } from '../../../src/analysis/bounds/relaxed-function.ts';
import {
  COPY,
  limited,
  limitedAbove,
  limitedBelow,
  RECIPROCAL,
  relaxedFunction,
  SQUARE,
} from '../../../src/analysis/bounds/unary-relaxations.ts';

/** Functions whose operands are of one sign. */
const POSITIVE = new Set(['Log', 'Sqrt', 'Reciprocal']);

const OPS = ['Relu', 'LeakyRelu', 'Abs', 'Sigmoid', 'Tanh', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Softplus'];

const FUNCTIONS: [name: string, relaxed: RelaxedFunction][] = [
  ...OPS.map((op): [string, RelaxedFunction] => {
    const relaxed = relaxedFunction({ name: op, op, inputs: ['x'], outputs: ['y'] });
    if (relaxed === undefined) throw new Error(op);
    return [op, relaxed];
  }),
  ['square', SQUARE],
  ['copy', COPY],
  ['max', limitedBelow(0.5)],
  ['min', limitedAbove(-0.5)],
  // Beside so large a constant an operand would be absorbed.
  ['far max', limitedBelow(-1e30)],
  ['far min', limitedAbove(1e30)],
  ['clip', limited(-0.25, 2)],
];

const ends = fc.oneof(
  fc.double({ min: -5, max: 5, noNaN: true }),
  fc.double({ min: -80, max: 80, noNaN: true }),
  fc.constantFrom(-1e6, -1e-6, 0, 1e-6, 1e6),
);

test.each(FUNCTIONS)('%s lies between its lines, wherever the interval is', (name, relaxed) => {
  fc.assert(
    fc.property(ends, ends, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, share) => {
      const place = (x: number): number => (POSITIVE.has(name) ? Math.max(1e-6, Math.abs(x)) : x);
      const [low, high] = [Math.min(place(a), place(b)), Math.max(place(a), place(b))];
      if (!Number.isFinite(relaxed.f(high))) return;
      const lines = linesOver(relaxed, low, high);
      if (lines === undefined) throw new Error(`no lines over [${low}, ${high}]`);
      const { lower, upper } = lines;
      for (const inner of [low, high, low + share * (high - low), 0]) {
        const x = Math.min(high, Math.max(low, inner));
        const y = relaxed.f(x);
        // An approximation's error is added to the offsets where the lines are used.
        const error = relaxed.approximation;
        const [least, most] = [
          lower.slope * x + lower.offset - error,
          upper.slope * x + upper.offset + error,
        ];
        // Without an assertion of Jest, which takes longer than all of this.
        if (!(least <= y && y <= most))
          throw new Error(`${y} at ${x} is not between ${least} and ${most}, over [${low}, ${high}]`);
      }
    }),
    { numRuns: 2000 },
  );
});

test('the inverse has lines below zero as above', () => {
  const lines = linesOver(RECIPROCAL, -4, -1);
  expect(lines?.lower.slope).toBeCloseTo(-0.25);
  expect(lines?.upper.slope).toBeCloseTo(-0.25);
  expect(lines?.upper.offset).toBeCloseTo(-1);
});

test.each([
  ['Relu', -1, 3, [1, 0.75]],
  ['Relu', -3, 1, [0, 0.25]],
  // A secant where the function bends one way, and a tangent.
  ['Sigmoid', 1, 3, [0.11076, 0.10499]],
  ['Exp', 0, 1, [Math.exp(0.5), Math.E - 1]],
] as const)('%s over [%d, %d] has lines of slopes %j', (op, low, high, slopes) => {
  const relaxed = relaxedFunction({ name: op, op, inputs: ['x'], outputs: ['y'] });
  const lines = relaxed && linesOver(relaxed, low, high);
  expect(lines?.lower.slope).toBeCloseTo(slopes[0], 4);
  expect(lines?.upper.slope).toBeCloseTo(slopes[1], 4);
});

test('the tangent of an S-shaped function goes through the other end', () => {
  const relaxed = relaxedFunction({ name: 't', op: 'Tanh', inputs: ['x'], outputs: ['y'] });
  const lines = relaxed && linesOver(relaxed, -2, 2);
  if (lines === undefined) throw new Error('no lines');
  expect(lines.upper.slope * -2 + lines.upper.offset).toBeCloseTo(Math.tanh(-2), 6);
  expect(lines.lower.slope * 2 + lines.lower.offset).toBeCloseTo(Math.tanh(2), 6);
  expect(lines.upper.slope).toBeGreaterThan((Math.tanh(2) - Math.tanh(-2)) / 4);
});
