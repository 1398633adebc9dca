import { expect, test } from '@jest/globals';
import type { JudgedBatch, Violation } from '../../../src/objectives/objective.ts';
import { derivedCopy, makeBuiltIn } from '../../../src/objectives/registry.ts';
import { randomLayersOf } from '../../../src/objectives/saliency/saliency-insensitive.ts';

const outputs = [
  {
    name: 'logits',
    type: 'float32' as const,
    size: 2,
    shape: [2],
    data: Float32Array.of(0, 1, 3, 1, 0, 1, 2, 0),
  },
];

function runOf(values: readonly number[]): JudgedBatch {
  return { rows: 4, inputs: [], activations: [], outputs, measured: { values: Float64Array.from(values) } };
}

test('reports rows above the bar; the margin is how far a row is below it', () => {
  const objective = makeBuiltIn('saliency-insensitive:method=gradient,most=0.4');
  const run = runOf([0.9, 0.4, Number.NaN, -0.5]);
  const found: [number, Violation][] = [];
  objective.judge(run, (row, violation) => found.push([row, violation]));
  expect(found).toEqual([
    [
      0,
      expect.objectContaining({
        signature: 'saliency-insensitive-gradient',
        details: { method: 'gradient', class: 1, correlation: 0.9, most: 0.4 },
      }),
    ],
  ]);
  const margins = [0, 1, 2, 3].map((row) => {
    const out = new Float64Array(1);
    objective.margins?.(run, row, out);
    return out[0];
  });
  expect(margins).toEqual([0, 0, Number.POSITIVE_INFINITY, 0.9]);
});

test('a run without maps is refused by what hinders it, and judged not at all', () => {
  const objective = makeBuiltIn('saliency-insensitive');
  const { measured: _none, ...bare } = runOf([]);
  expect(objective.refuses?.(bare)).toContain('needs a second model');
  const second = { ...bare, secondOutputs: outputs };
  expect(objective.refuses?.(second)).toBeUndefined();
  expect(
    objective.refuses?.({ ...second, measured: { values: new Float64Array(4), refusal: 'no way' } }),
  ).toBe('no way');
  expect(objective.refuses?.({ ...second, outputs: [] })).toContain('value for each class');
  objective.judge(bare, () => {
    throw new Error('judged');
  });
});

test('the copy that a campaign derives', () => {
  const of = (objective: string, further: object = {}) =>
    derivedCopy({
      objective: [objective],
      quantize: undefined,
      against: undefined,
      againstRuntime: undefined,
      ...further,
    });
  expect(of('saliency-insensitive')).toEqual({ randomLayers: undefined });
  expect(of('saliency-insensitive:layers=2')).toEqual({ randomLayers: 2 });
  expect(of('saliency-insensitive', { against: 'other.onnx' })).toBeUndefined();
  expect(of('nonfinite')).toBeUndefined();
  expect(of('quantization', { quantize: 'int8' })).toEqual({ quantize: 'int8' });
  expect(randomLayersOf('nonfinite')).toBeNull();
});
