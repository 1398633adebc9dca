import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';
import { isSignatureOf, isTie, MAX_MARGINS, type Violation } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';

interface Side {
  readonly values: readonly number[];
  readonly noise?: number;
}

function tensorOf({ values, noise }: Side, shape: readonly number[], name = 'y'): BatchTensor {
  return {
    name,
    type: 'float32',
    size: values.length,
    shape,
    data: Float32Array.from(values),
    ...(noise === undefined ? {} : { noise }),
  };
}

function pairOf(
  reference: Side,
  copy: Side,
  shape: readonly number[] = [reference.values.length],
): BatchResult {
  return {
    rows: 1,
    inputs: [],
    outputs: [tensorOf(reference, shape)],
    activations: [],
    secondOutputs: [tensorOf(copy, shape)],
  };
}

function violationOf(spec: string, result: BatchResult): Violation | undefined {
  let found: Violation | undefined;
  makeBuiltIn(spec).judge(result, (_row, violation) => {
    found = violation;
  });
  return found;
}

function marginsOf(spec: string, result: BatchResult): number[] {
  const out = new Float64Array(MAX_MARGINS);
  const count = makeBuiltIn(spec).margins?.(result, 0, out) ?? 0;
  return [...out.subarray(0, count)];
}

describe('a disagreement about the class', () => {
  test('records the gap of both sides', () => {
    const violation = violationOf('quantization', pairOf({ values: [3, 1] }, { values: [1, 1.5] }));
    expect(violation).toMatchObject({
      signature: 'quantization-class-y',
      details: { gap: { reference: 2, copy: 0.5 } },
    });
  });

  test('is a tie where the lead of one side is within its noise, and says so', () => {
    const clear = { values: [3, 1], noise: 0.1 };
    const tied = pairOf(clear, { values: [1, 1.125], noise: 0.25 });
    expect(violationOf('quantization', tied)).toMatchObject({
      objective: 'quantization',
      signature: 'quantization-tie-y',
      summary:
        'Models disagree on y: original 0 (3 vs 1 for class 1), quantized copy 1 (1.125 vs 1 for class 0); a tie: a lead of 0.125 is within the noise of 0.25',
      details: { kind: 'tie', gap: { reference: 2, copy: 0.125 }, noise: { reference: 0.25, copy: 0.25 } },
    });
    const strong = pairOf(clear, { values: [1, 1.375], noise: 0.25 });
    expect(violationOf('quantization', strong)?.signature).toBe('quantization-class-y');
    // A lead below the noise of the other side may be lost there.
    expect(
      violationOf('quantization', pairOf({ values: [3, 1], noise: 2 }, { values: [1, 9] })),
    ).toMatchObject({
      signature: 'quantization-tie-y',
    });
  });

  test('is one like others where that is asked, or where noise was not measured', () => {
    const tied = pairOf({ values: [3, 1], noise: 0 }, { values: [1, 1.125], noise: 1 });
    expect(violationOf('quantization:ties=fault', tied)?.signature).toBe('quantization-class-y');
    const unmeasured = pairOf({ values: [3, 1] }, { values: [1, Math.fround(1 + 2 ** -23)] });
    expect(violationOf('differential', unmeasured)?.signature).toBe('differential-class-y');
  });

  test('of several positions is the strongest, and a tie only where all are', () => {
    const shape = [3, 2];
    const reference = { values: [1, 0, 3, 0, 2, 0], noise: 0.5 };
    const copy = { values: [0, 0.25, 0, 2, 0, 1], noise: 0.5 };
    expect(violationOf('quantization', pairOf(reference, copy, shape))?.details).toMatchObject({
      kind: 'class',
      position: 1,
      gap: { reference: 3, copy: 2 },
    });
    const weak = { ...copy, values: [0, 0.25, 0, 0.5, 1, 0] };
    expect(violationOf('quantization', pairOf(reference, weak, shape))?.details).toMatchObject({
      kind: 'tie',
      position: 1,
    });
  });

  test('counts from a gap on that is asked for, on both sides', () => {
    const result = pairOf({ values: [3, 1] }, { values: [1, 1.5] });
    expect(violationOf('quantization:confident=0.5', result)).toBeDefined();
    expect(violationOf('quantization:confident=0.6', result)).toBeUndefined();
  });

  test('does not hide another one: what differs beyond a tolerance, another output, but a label that the tie explains', () => {
    const tied = { values: [1, 1.125], noise: 1 };
    const reference = { values: [3, 1], noise: 0 };
    expect(violationOf('quantization:top=1,atol=0.5', pairOf(reference, tied))?.signature).toBe(
      'quantization-difference-y',
    );
    const labelled = (copyLabel: number): BatchResult => {
      const { outputs, secondOutputs = [], ...rest } = pairOf(reference, tied);
      const label = (value: number): BatchTensor => ({
        name: 'label',
        type: 'int32',
        size: 1,
        shape: [],
        data: Int32Array.of(value),
      });
      return {
        ...rest,
        outputs: [label(0), ...outputs],
        secondOutputs: [label(copyLabel), ...secondOutputs],
      };
    };
    expect(violationOf('quantization', labelled(1))?.signature).toBe('quantization-tie-y');
    expect(violationOf('quantization', labelled(2))?.signature).toBe('quantization-class-label');
  });
});

describe('signatures of ties', () => {
  test('belong to their objective and look like no other’s', () => {
    const tied = pairOf({ values: [3, 1], noise: 0 }, { values: [1, 1], noise: 0 });
    const named = { ...tied, secondOutputs: [tensorOf({ values: [1, 1.5], noise: 1 }, [2])] };
    const signature = violationOf('quantization:name=strict', named)?.signature ?? '';
    expect(signature).toBe('quantization-tie-strict-y');
    expect([isTie(signature), isSignatureOf(signature, 'quantization-strict')]).toEqual([true, true]);
    expect(isSignatureOf(signature, 'quantization-other')).toBe(false);
    expect(isTie('quantization-class-tie-y')).toBe(false);
    expect(() => makeBuiltIn('quantization:name=tie-x')).toThrow('would name ties');
  });
});

describe('margins', () => {
  test('do not end at a tie: they fall as its gap grows, and lie below those of rows that agree', () => {
    const reference = { values: [3, 1], noise: 0 };
    const least = (copyLead: number): number =>
      Math.min(...marginsOf('quantization', pairOf(reference, { values: [1, 1 + copyLead], noise: 0.5 })));
    const [weak, stronger, strong] = [0.125, 0.375, 0.75].map(least);
    expect(weak).toBeGreaterThan(stronger);
    expect(stronger).toBeGreaterThan(0);
    expect(strong).toBe(0);
    const agreeing = Math.min(
      ...marginsOf('quantization', pairOf({ values: [1, 1], noise: 0 }, { values: [1, 1], noise: 0.5 })),
    );
    expect(agreeing).toBeGreaterThan(weak);
  });

  test('are 0 exactly where a row counts, whatever noise and gap are asked for', () => {
    const values = fc.array(fc.integer({ min: -16, max: 16 }), { minLength: 3, maxLength: 3 });
    const noise = fc.constantFrom(undefined, 0, 0.5, 2);
    const specs = fc.constantFrom(
      'quantization',
      'quantization:confident=1',
      'quantization:top=2',
      'quantization:ties=fault',
    );
    fc.assert(
      fc.property(specs, values, values, noise, noise, (spec, a, b, noiseA, noiseB) => {
        const side = (list: readonly number[], moved: number | undefined): Side => ({
          values: list.map((value) => value / 4),
          ...(moved === undefined ? {} : { noise: moved }),
        });
        const result = pairOf(side(a, noiseA), side(b, noiseB));
        const signature = violationOf(spec, result)?.signature;
        const counts = signature !== undefined && !isTie(signature);
        expect(Math.min(...marginsOf(spec, result)) === 0).toBe(counts);
      }),
    );
  });
});
