import { describe, expect, test } from '@jest/globals';
import type { BatchTensor } from '../../src/model/batched-model.ts';
import { answerOf } from '../../src/objectives/class-answer.ts';
import {
  calibratedSpec,
  confidentErrorSpec,
  isCalibrated,
  uncalibrated,
} from '../../src/objectives/confident-error.ts';
import { type JudgedBatch, MAX_MARGINS, type Violation } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';

const tensor = (name: string, values: readonly number[], size: number): BatchTensor => ({
  name,
  type: 'float32',
  size,
  shape: [size],
  data: Float32Array.from(values),
});

function run(labels: readonly number[], values: readonly number[], inner: BatchTensor[] = []): JudgedBatch {
  const outputs = [tensor('y', values, values.length / labels.length)];
  return { rows: labels.length, inputs: [], outputs, activations: inner, labels };
}

function judged(spec: string, batch: JudgedBatch): Map<number, Violation> {
  const found = new Map<number, Violation>();
  makeBuiltIn(spec).judge(batch, (row, violation) => found.set(row, violation));
  return found;
}

describe('confident-error', () => {
  // Right; wrong and sure; wrong and unsure; without a label.
  const batch = run([0, 0, 0, -1], [5, 1, 0, 1, 5, 0, 2, 2.5, 0, 9, 0, 0]);

  test('is a wrong class from a confidence on', () => {
    expect([...judged('confident-error:threshold=3', batch).keys()]).toEqual([1]);
    expect([...judged('confident-error:threshold=2.5', batch).keys()]).toEqual([1, 2]);
    expect([...judged('confident-error:threshold=2.6', batch).keys()]).toEqual([1]);
    expect(judged('confident-error:name=square,threshold=3', batch).get(1)).toMatchObject({
      objective: 'confident-error',
      signature: 'confident-error-square',
      details: { label: 0, class: 1, confidence: 5, gap: 4, threshold: 3 },
    });
  });

  test('with the margin, compares the lead', () => {
    expect([...judged('confident-error:threshold=4,confidence=margin', batch).keys()]).toEqual([1]);
    expect([...judged('confident-error:threshold=0.5,confidence=margin', batch).keys()]).toEqual([1, 2]);
    expect([...judged('confident-error:threshold=4.1,confidence=margin', batch).keys()]).toEqual([]);
  });

  test('takes the confidence from the output that it names; NaN there is sure', () => {
    const sure = tensor('sure', [0.9, 0.4, Number.NaN, 0.9], 1);
    const given = { ...batch, outputs: [...batch.outputs, sure] };
    expect([...judged('confident-error:threshold=0.3,confidence=sure', given).keys()]).toEqual([1, 2]);
    expect([...judged('confident-error:threshold=0.5,confidence=sure', given).keys()]).toEqual([2]);
    const objective = makeBuiltIn('confident-error:threshold=0.5,confidence=sure');
    const margins = new Float64Array(MAX_MARGINS);
    objective.margins?.(given, 1, margins);
    expect(margins[1]).toBeGreaterThan(0);
    objective.margins?.(given, 2, margins);
    expect(margins[1]).toBe(0);
    expect(objective.refuses?.(batch)).toMatch('confidence sure, which is neither');
  });

  test('reads the logits that it names, and of shares the logarithms', () => {
    const shares = run([0], [0.25, 0.5, 0.25], [tensor('z', [1, 7, 2], 3)]);
    expect(judged('confident-error:threshold=6,logits=z', shares).get(0)).toMatchObject({
      tensors: ['z'],
      details: { output: 'z', confidence: 7 },
    });
    expect(judged('confident-error:threshold=-0.7', shares).get(0)?.details.confidence).toBeCloseTo(
      Math.log(0.5),
    );
    expect(judged('confident-error:threshold=-0.6', shares).size).toBe(0);
    expect(makeBuiltIn('confident-error:threshold=1,logits=w').refuses?.(shares)).toMatch('refers to w');
  });

  test('a NaN is wrong and sure', () => {
    const nan = judged('confident-error:threshold=100', run([1], [0, 5, Number.NaN]));
    expect(nan.get(0)?.summary).toMatch(/^NaN among the scores/);
  });

  test('measures how far the nearest wrong class is below the others and below the threshold', () => {
    const least = (spec: string, row: number): number => {
      const out = new Float64Array(MAX_MARGINS);
      const count = makeBuiltIn(spec).margins?.(batch, row, out) ?? 0;
      return Math.min(...out.subarray(0, count));
    };
    const spec = 'confident-error:threshold=3';
    expect(least(spec, 1)).toBe(0);
    // Row 2 is 0.5 below the threshold, row 0 is 4 behind and 2 below.
    expect(least(spec, 2)).toBeGreaterThan(0);
    expect(least(spec, 2)).toBeLessThan(least(spec, 0));
    expect(least('confident-error:threshold=2', 2)).toBe(0);
  });

  test('with a coverage alone has no threshold yet, and says so', () => {
    const asked = uncalibrated('confident-error:name=a,coverage=0.8,confidence=margin');
    expect(asked).toMatchObject({ coverage: 0.8, confidence: 'margin', logits: undefined });
    expect(uncalibrated('confident-error:coverage=0.8,threshold=2')).toBeUndefined();
    expect(uncalibrated('misclassified')).toBeUndefined();
    if (asked === undefined) return;
    const spec = calibratedSpec(asked, { threshold: -2.5, confidence: 'margin', logits: 'z' });
    expect(spec).toBe('confident-error:name=a,coverage=0.8,confidence=margin,threshold=-2.5,logits=z');
    expect(isCalibrated(spec, asked)).toBe(true);
    expect(isCalibrated(spec.replace('0.8', '0.7'), asked)).toBe(false);
    expect(makeBuiltIn('confident-error:coverage=0.8').refuses?.(batch)).toMatch('no threshold');
    expect(judged('confident-error:coverage=0.8', batch).size).toBe(0);
  });

  test('needs a threshold, and labels within the classes', () => {
    expect(() => makeBuiltIn('confident-error')).toThrow(
      'needs the share of the seeds that the model answers',
    );
    expect(
      makeBuiltIn('confident-error:threshold=1,confidence=share').refuses?.(run([0], [0, 1, 2])),
    ).toMatch('neither max-logit nor margin');
    expect(makeBuiltIn('confident-error:threshold=1').refuses?.(run([3], [0, 1, 2]))).toMatch(
      'a label says 3',
    );
  });

  test('its spec carries the threshold exactly', () => {
    const threshold = 0.1 + 0.2;
    const at = run([0], [0, threshold]);
    const double = {
      ...at,
      outputs: [{ ...at.outputs[0], type: 'float64' as const, data: Float64Array.of(0, threshold) }],
    };
    const spec = confidentErrorSpec('square', { threshold, confidence: 'max-logit', logits: 'y' });
    expect(judged(spec, double).size).toBe(1);
  });
});

test('of equal logits the first is the answer', () => {
  expect(answerOf(Float64Array.of(2, 2, 1), 0, 'margin', false)).toEqual({
    predicted: 0,
    isWrong: false,
    confidence: 0,
    gap: 0,
  });
});
