import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import wabt from 'wabt';
import { BoundsTracker, makeWorkingArray } from '../../../src/constraints/bounds.ts';
import { measureDistance } from '../../../src/constraints/distance.ts';
import { shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { KERNEL_BASE64 } from '../../../src/mutators/simd/kernel-binary.ts';
import { NoisePool, WINDOW_SIZE } from '../../../src/mutators/simd/noise-pool.ts';
import { makeData, readNumber, writeNumber } from '../../../src/tensor/tensor.ts';
import { expectSame } from '../../support/expect-same.ts';
import { boundsOf, givenOf, mutatorOf, traitsOf } from '../../support/mutators.ts';

const gaussian = mutatorOf('gaussian');

/** TensorFuzz's formula in float64: seed + clip(mutant − seed, ±c), then clip to the range. */
function legal(
  value: number,
  seed: number,
  range: { low: number; high: number },
  linf: number | undefined,
): boolean {
  return value >= range.low && value <= range.high && (linf === undefined || Math.abs(value - seed) <= linf);
}

test('mutants are within range and constraint, the parent is untouched, equal draws give equal bytes', () => {
  const float = fc.float({
    noNaN: true,
    noDefaultInfinity: true,
    min: Math.fround(-1e4),
    max: Math.fround(1e4),
  });
  const cases = fc.record({
    a: float,
    b: float,
    parts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
    linf: fc.option(fc.double({ min: 1e-3, max: 100, noNaN: true }), { nil: undefined }),
    key: fc.nat(),
  });
  fc.assert(
    fc.property(cases, ({ a, b, parts, linf, key }) => {
      const range = { low: Math.min(a, b), high: Math.max(a, b) + 1 };
      const seed = Float32Array.from(parts, (part) => range.low + part * (range.high - range.low)).map(
        (value) => Math.min(Math.max(value, Math.fround(range.low)), Math.fround(range.high)),
      );
      const inside = seed.filter((value) => value >= range.low && value <= range.high);
      if (inside.length === 0) return;
      const bounds = boundsOf('float32', inside.length, { range, linf }).centreOn(inside);
      const parent = inside.slice();
      const [first, second] = [new Float32Array(inside.length + 3), new Float32Array(inside.length + 3)];
      gaussian.mutate(first, 3, parent, givenOf(key, bounds, [inside.length]));
      gaussian.mutate(second, 3, parent, givenOf(key, bounds, [inside.length]));
      expectSame(first, second);
      expectSame(parent, inside);
      expectSame(first.slice(0, 3), new Float32Array(3));
      first.subarray(3).forEach((value, i) => {
        if (!legal(value, inside[i], range, linf))
          throw new Error(`${value} from ${inside[i]} with ${JSON.stringify({ range, linf })}`);
      });
    }),
    { numRuns: 1000 },
  );
});

test('ranges whose ends differ enormously are kept to', () => {
  const range = { low: 1e-6, high: 1e6 };
  const bounds = boundsOf('float32', 64, { range });
  const out = new Float32Array(64);
  for (let key = 0; key < 50; key++) {
    gaussian.mutate(out, 0, new Float32Array(64).fill(1), givenOf(key, bounds, [64]));
    expect(out.every((value) => value >= 1e-6 && value <= 1e6)).toBe(true);
    expect(out.some((value) => value > 1)).toBe(true);
  }
});

test('the kernel adds the same noise as plain JavaScript, to float32 rounding, and keeps to the bounds', () => {
  const shapes = fc.record({
    size: fc.integer({ min: 1, max: 2 * WINDOW_SIZE + 9 }),
    rows: fc.integer({ min: 1, max: 3 }),
    linf: fc.option(fc.double({ min: 1e-3, max: 1, noNaN: true }), { nil: undefined }),
    key: fc.nat(),
  });
  fc.assert(
    fc.property(shapes, ({ size, rows, linf, key }) => {
      const fast = new NoisePool('test', [size * rows], size);
      const parents = [0, 1].map((n) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 7 * n)));
      const bounds = parents.map((parent) =>
        new BoundsTracker('float32', size, { range: { low: -1, high: 1 }, linf }).centreOn(parent),
      );
      const [slow, quick] = [undefined, fast].map((noise) =>
        givenOf(key, bounds[0], [size], noise === undefined ? {} : { noise }),
      );
      const plain = new Float32Array(size * rows);
      for (let row = 0; row < rows; row++) {
        gaussian.mutate(plain, row * size, parents[row % 2], { ...slow, bounds: bounds[row % 2] });
        gaussian.mutate(fast.inputs[0], row * size, parents[row % 2], {
          ...quick,
          bounds: bounds[row % 2],
        });
      }
      const wrong = fast.inputs[0].findIndex((value, i) => {
        const { low, high } = bounds[Math.floor(i / size) % 2];
        return !(Math.abs(value - plain[i]) < 3e-7 && value >= low[i % size] && value <= high[i % size]);
      });
      expect(wrong).toBe(-1);
    }),
    { numRuns: 60 },
  );
});

test('kernel-binary.ts is what kernel.wat compiles to', async () => {
  const { parseWat } = await wabt();
  const source = readFileSync('src/mutators/simd/kernel.wat', 'utf8');
  const { buffer } = parseWat('kernel.wat', source, { simd: true }).toBinary({});
  expect(Buffer.from(buffer).toString('base64')).toBe(KERNEL_BASE64);
});

describe.each(['int32', 'int64', 'uint8', 'float16', 'float64'] as const)('%s inputs', (type) => {
  test('are within a fractional range and constraint after they are rounded to their type', () => {
    const range = { low: 0.3, high: 9.7 };
    const size = 64;
    const seed = makeData(type, size);
    for (let i = 0; i < size; i++) writeNumber(type, seed, i, 1 + (i % 8));
    for (const linf of [undefined, 0.5, 1.3]) {
      const bounds = new BoundsTracker(type, size, { range, linf }).centreOn(seed);
      const parent = Float64Array.from({ length: size }, (_, i) => readNumber(type, seed, i));
      const mutant = new Float64Array(size);
      const stored = makeData(type, size);
      for (let key = 0; key < 50; key++) {
        gaussian.mutate(mutant, 0, parent, givenOf(key, bounds, [size]));
        for (let i = 0; i < size; i++) {
          writeNumber(type, stored, i, mutant[i]);
          expectSame(legal(readNumber(type, stored, i), parent[i], range, linf), true);
        }
      }
    }
  });
});

describe('noise', () => {
  const size = 8 * WINDOW_SIZE + 5;
  const bounds = boundsOf('float32', size, { range: { low: -1000, high: 1000 } });
  const noise = new Float32Array(size);
  mutatorOf('gaussian', traitsOf(), { sigma: 0.001 }).mutate(
    noise,
    0,
    new Float32Array(size),
    givenOf('moments', bounds, [size]),
  );
  const mean = noise.reduce((sum, value) => sum + value, 0) / size;
  const moment = (power: number): number =>
    noise.reduce((sum, value) => sum + (value - mean) ** power, 0) / size;

  test("has sigma times the range's width as its deviation, and a normal's kurtosis", () => {
    // Four standard errors of each estimate.
    expect(Math.abs(mean)).toBeLessThan(4 * (2 / Math.sqrt(size)));
    expect(Math.abs(Math.sqrt(moment(2)) - 2)).toBeLessThan(4 * (2 / Math.sqrt(2 * size)));
    expect(Math.abs(moment(4) / moment(2) ** 2 - 3)).toBeLessThan(4 * Math.sqrt(24 / size));
  });

  test('reaches the last value of a row that no window divides', () => {
    expect(noise[size - 1]).not.toBe(0);
  });

  test('differs from draw to draw and between windows', () => {
    const other = new Float32Array(size);
    gaussian.mutate(other, 0, new Float32Array(size), givenOf('other', bounds, [size]));
    expect(other).not.toEqual(noise);
    expect(noise.slice(0, WINDOW_SIZE)).not.toEqual(noise.slice(WINDOW_SIZE, 2 * WINDOW_SIZE));
  });
});

test('distances to the ancestor are as worked out by hand, over all inputs', () => {
  const form = shapeSignatureOf([
    { name: 'x', type: 'float32', shape: [3], size: 3 },
    { name: 'label', type: 'int64', shape: [], size: 1 },
  ]);
  const far = measureDistance(
    { form, inputs: [Float32Array.of(1, 2, 3), BigInt64Array.of(5n)] },
    { form, inputs: [Float32Array.of(1, 5, 3), BigInt64Array.of(1n)] },
  );
  expect(far).toEqual({ linf: 4, l2: 5, l0: 2 });
});

test('integers are made in float64, floats in their own type', () => {
  expect(makeWorkingArray('float32', 2)).toBeInstanceOf(Float32Array);
  expect(makeWorkingArray('int64', 2)).toBeInstanceOf(Float64Array);
});
