import { expect, test } from '@jest/globals';
import type { BatchTensor } from '../../src/model/batched-model.ts';
import { predictionText } from '../../src/report/predictions.ts';

const output = (values: readonly number[], change: Partial<BatchTensor> = {}): BatchTensor => ({
  name: 'y',
  type: 'float32',
  size: values.length,
  shape: [values.length],
  data: Float32Array.from(values),
  ...change,
});

const text = (outputs: readonly BatchTensor[], comparesClasses = false) =>
  predictionText(outputs, { comparesClasses });

test('probabilities give a class and its share, by its name where the model has one', () => {
  expect(text([output([0.1, 0.7, 0.2])])).toBe('class 1 (70 %)');
  expect(text([output([0.1, 0.7, 0.2], { classes: ['a', 'b', 'c'] })])).toBe('class b (70 %)');
  expect(text([output([1e-7, 1 - 1e-7])])).toBe('class 1 (> 99.9 %)');
});

test('other values are logits only where classes are known or compared', () => {
  // The softmax of 0 and ln 3 is 1/4 and 3/4.
  const logits = output([0, Math.log(3)]);
  expect(text([logits])).toBe('largest value: y[1] = 1.099');
  expect(text([logits], true)).toBe('class 1 (75 %)');
  expect(text([output([0, Math.log(3)], { classes: ['no', 'yes'] })])).toBe('class yes (75 %)');
});

test('vectors are preferred to single numbers; NaN is no class; grids are no prediction', () => {
  expect(text([output([3.25]), output([0.5, 0.5])])).toBe('class 0 (50 %)');
  expect(text([output([3.25])])).toBe('y = 3.25');
  expect(text([output([0.5, Number.NaN])])).toBe('no class: y holds NaN');
  expect(text([output([1, 2, 3, 4], { shape: [2, 2] })])).toBeUndefined();
});

test('an integer output with names is a class', () => {
  const label = output([2], { type: 'int64', data: BigInt64Array.of(2n), classes: ['a', 'b', 'c\u202E'] });
  expect(text([label])).toBe('class c\\u{202E}');
});
