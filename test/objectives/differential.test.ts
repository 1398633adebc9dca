import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';
import { MAX_MARGINS, TWO_SIDED_MARGINS, type Violation } from '../../src/objectives/objective.ts';
import { cosineSimilarity, klDivergence } from '../../src/objectives/output-difference.ts';
import { comparesModels, makeBuiltIn } from '../../src/objectives/registry.ts';
import type { DType, TensorData } from '../../src/tensor/tensor.ts';

function tensor(data: TensorData, size: number, name = 'y', type: DType = 'float32'): BatchTensor {
  return { name, type, size, shape: [size], data };
}

function pair(own: readonly number[], other: readonly number[], size = own.length): BatchResult {
  return {
    rows: own.length / size,
    inputs: [],
    outputs: [tensor(Float32Array.from(own), size)],
    activations: [],
    secondOutputs: [tensor(Float32Array.from(other), size)],
  };
}

function judged(spec: string, result: BatchResult): Map<number, Violation> {
  const found = new Map<number, Violation>();
  makeBuiltIn(spec).judge(result, (row, violation) => found.set(row, violation));
  return found;
}

const signature = (spec: string, own: number[], other: number[]): string | undefined =>
  judged(spec, pair(own, other)).get(0)?.signature;

describe('two models part', () => {
  test('where they give another class, whichever row it is in', () => {
    const found = judged('quantization', pair([1, 2, 0, 3, 1, 0, 0, 1, 2], [1, 1.9, 0, 1, 3, 0, 0, 2, 1], 3));
    expect([...found.keys()]).toEqual([1, 2]);
    expect(found.get(1)).toMatchObject({
      signature: 'quantization-class-y',
      details: { output: 'y', reference: 0, copy: 1, referenceValues: [3, 1], copyValues: [1, 3] },
    });
    expect(judged('differential', pair([1, 2], [2, 1])).get(0)?.signature).toBe('differential-class-y');
  });

  test('by a class that is not among so many of the best', () => {
    expect(signature('quantization:top=2', [3, 2, 1], [2, 3, 1])).toBeUndefined();
    expect(signature('quantization:top=2', [3, 2, 1], [1, 3, 2])).toBe('quantization-class-y');
  });

  test('by a difference, a cosine or a divergence beyond a bound', () => {
    expect(signature('quantization:atol=0.1', [1, 2], [1.09, 2])).toBeUndefined();
    expect(signature('quantization:atol=0.1', [1, 2], [1.11, 2])).toBe('quantization-difference-y');
    expect(signature('quantization:rtol=0.1', [1, 2], [1, 2.19])).toBeUndefined();
    expect(signature('quantization:atol=0.1,rtol=0.1', [1, 2], [1, 2.31])).toBe('quantization-difference-y');
    expect(signature('quantization:cosine=0.99', [1, 0], [1, 0.1])).toBeUndefined();
    expect(signature('quantization:cosine=0.99', [1, 0], [1, 0.2])).toBe('quantization-cosine-y');
    expect(signature('quantization:kl=0.1', [1, 0], [1.2, 0])).toBeUndefined();
    expect(signature('quantization:kl=0.1', [1, 0], [4, 0])).toBe('quantization-kl-y');
    // Another class alone is none of them.
    expect(signature('quantization:atol=1', [1, 0.9], [0.9, 1])).toBeUndefined();
  });

  test('where one side alone is not finite, whatever else is asked', () => {
    expect(signature('quantization:atol=1e9', [1, 2], [1, Number.NaN])).toBe('quantization-nan-y');
    expect(signature('quantization', [1, Number.POSITIVE_INFINITY], [1, 2])).toBe('quantization-nan-y');
    expect(signature('quantization', [1, Number.NaN], [2, Number.NaN])).toBeUndefined();
  });

  test('in whole numbers by their values', () => {
    const result: BatchResult = {
      rows: 2,
      inputs: [],
      outputs: [tensor(BigInt64Array.of(3n, 4n), 1, 'label', 'int64')],
      activations: [],
      secondOutputs: [tensor(BigInt64Array.of(3n, 5n), 1, 'label', 'int64')],
    };
    expect([...judged('quantization', result).keys()]).toEqual([1]);
  });

  test('in one output of several, each of which may have several positions', () => {
    const other = { name: 'z', type: 'float32', size: 4, shape: [2, 2] } as const;
    const result: BatchResult = {
      rows: 1,
      inputs: [],
      outputs: [tensor(Float32Array.of(1, 2), 2), { ...other, data: Float32Array.of(1, 0, 1, 0) }],
      activations: [],
      secondOutputs: [tensor(Float32Array.of(1, 2), 2), { ...other, data: Float32Array.of(1, 0, 0, 1) }],
    };
    expect(judged('quantization', result).get(0)).toMatchObject({
      signature: 'quantization-class-z',
      details: { position: 1, reference: 0, copy: 1 },
    });
  });
});

describe('margins', () => {
  const marginsOf = (spec: string, own: readonly number[], other: readonly number[]): number[] => {
    const out = new Float64Array(MAX_MARGINS);
    const count = makeBuiltIn(spec).margins?.(pair(own, other), 0, out) ?? 0;
    return [...out.subarray(0, count)];
  };

  test('narrow with the gap of two classes, over the difference of the two models', () => {
    const far = marginsOf('quantization', [8, 0, -9], [8.1, 0, -9]);
    const near = marginsOf('quantization', [8, 7.9, -9], [8.1, 7.9, -9]);
    const closer = marginsOf('quantization', [8, 0, -9], [10, 0, -9]);
    expect(far).toHaveLength(TWO_SIDED_MARGINS);
    // Class 1 loses, in the first half; class 0 wins, in the second.
    const places = far.flatMap((margin, i) => (Number.isFinite(margin) ? [i] : []));
    expect(places).toEqual([1, 2, TWO_SIDED_MARGINS / 2]);
    expect(near[1]).toBeLessThan(far[1]);
    expect(closer[1]).toBeLessThan(far[1]);
    expect(far[TWO_SIDED_MARGINS / 2]).toBe(far[1]);
    expect(far[2]).toBeGreaterThan(far[1]);
    // A tenth of a doubling less for each doubling of the difference, a whole one for each halving of the gap.
    const half = marginsOf('quantization', [8, 4, -9], [8.1, 4, -9]);
    expect(far[1] - half[1]).toBeGreaterThan(3 * (far[1] - closer[1]));
  });

  test('of shares are those of their logarithms', () => {
    const shares = (logits: readonly number[]): number[] => {
      const raised = logits.map(Math.exp);
      const sum = raised.reduce((a, b) => a + b);
      return raised.map((value) => value / sum);
    };
    const [own, other] = [
      [9, 1, -4],
      [9.1, 1.2, -4],
    ];
    const logs = (logits: readonly number[]): number[] => shares(logits).map(Math.log);
    const ofShares = marginsOf('quantization', shares(own), shares(other));
    marginsOf('quantization', logs(own), logs(other)).forEach((margin, k) => {
      if (Number.isFinite(margin)) expect(ofShares[k]).toBeCloseTo(margin, 2);
      else expect(ofShares[k]).toBe(margin);
    });
    expect(ofShares[1]).toBeGreaterThan(4);
  });

  test('are zero where a row is a violation, and nowhere else', () => {
    const values = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 4, maxLength: 4 });
    const specs = fc.constantFrom(
      'quantization',
      'quantization:atol=0.5',
      'quantization:atol=0.1,rtol=0.1',
      'quantization:cosine=0.9',
    );
    fc.assert(
      fc.property(specs, values, values, fc.boolean(), (spec, own, other, near) => {
        const second = near ? own.map((value, i) => value + other[i] / 16) : other;
        const isBroken = judged(spec, pair(own, second)).size > 0;
        expect(Math.min(...marginsOf(spec, own, second)) === 0).toBe(isBroken);
      }),
      { numRuns: 5000 },
    );
  });
});

test('cosine and divergence are those of their formulas', () => {
  expect(cosineSimilarity(Float64Array.of(1, 2), Float64Array.of(2, 4))).toBeCloseTo(1, 12);
  expect(cosineSimilarity(Float64Array.of(1, 0), Float64Array.of(0, 1))).toBe(0);
  expect(cosineSimilarity(Float64Array.of(0, 0), Float64Array.of(0, 0))).toBe(1);
  const shares = Float64Array.of(0.5, 0.5);
  expect(klDivergence(shares, Float64Array.of(0.25, 0.75), 2)).toBeCloseTo(
    0.5 * Math.log(2) + 0.5 * Math.log(2 / 3),
    12,
  );
  expect(klDivergence(Float64Array.of(3, 3), Float64Array.of(7, 7), 2)).toBeCloseTo(0, 12);
});

test('specs are refused that make no sense', () => {
  expect(() => makeBuiltIn('quantization:atl=1')).toThrow('did you mean atol?');
  expect(() => makeBuiltIn('quantization:top=0')).toThrow(
    '--objective: quantization:top must be a whole number',
  );
  expect(() => makeBuiltIn('quantization:cosine=2')).toThrow('a number from -1 to 1');
  expect(() => makeBuiltIn('nonfinite:x=1')).toThrow('there is inner');
  expect(() => makeBuiltIn('quantisation')).toThrow('did you mean quantization?');
  expect(['quantization:top=2', 'differential', 'nonfinite', 'crash'].map(comparesModels)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('a pair of single numbers has no classes', () => {
  const single = pair([1], [2]);
  expect(makeBuiltIn('quantization').refuses?.(single)).toMatch(
    /no output has several values.*quantization:atol/,
  );
  expect(makeBuiltIn('quantization:atol=1').refuses?.(single)).toBeUndefined();
  const { secondOutputs: _copy, ...alone } = single;
  expect(makeBuiltIn('quantization:atol=1').refuses?.(alone)).toMatch(/needs a second model/);
});
