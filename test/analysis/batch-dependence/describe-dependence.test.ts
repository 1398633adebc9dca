import { expect, test } from '@jest/globals';
import {
  type BatchDependence,
  dependenceText,
  isBatchDependence,
} from '../../../src/analysis/batch-dependence/describe-dependence.ts';

const mean: BatchDependence = {
  side: 'reference',
  cause: 'neighbours',
  operation: { name: 'ReduceMean_1', op: 'ReduceMean' },
};

test.each<[BatchDependence, string]>([
  [mean, 'answers depend on the rest of the batch, first at ReduceMean_1'],
  [
    { ...mean, side: 'second', operation: { name: 'x_quant\u001b', op: 'DynamicQuantizeLinear' } },
    "the second model's answers depend on the rest of the batch, first at x_quant\\u{1B}, a DynamicQuantizeLinear (dynamic quantization: one scale for all testcases of a run)",
  ],
  [{ ...mean, operation: null }, 'answers depend on the rest of the batch'],
  [
    { ...mean, cause: 'place', operation: null },
    'answers depend on the rest of the batch, on its size or order',
  ],
])('the text of %j', (dependence, text) => {
  expect(dependenceText(dependence)).toBe(text);
});

test('what a damaged folder holds is none', () => {
  expect([mean, { ...mean, operation: null }].map(isBatchDependence)).toEqual([true, true]);
  const damaged = [undefined, null, 'mean', { ...mean, side: 'third' }, { ...mean, operation: 'x' }];
  expect(damaged.map(isBatchDependence)).toEqual(damaged.map(() => false));
});
