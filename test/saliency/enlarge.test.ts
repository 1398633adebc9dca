import { expect, test } from '@jest/globals';
import { enlarge } from '../../src/saliency/enlarge.ts';

test('between centres values are interpolated, and the border continues outwards', () => {
  const row = [...enlarge({ values: [0, 4], height: 1, width: 2 }, 1, 8)];
  // torch.nn.functional.interpolate(…, mode='bilinear') gives the same.
  expect(row).toEqual([0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]);
  const square = [...enlarge({ values: [0, 2, 4, 6], height: 2, width: 2 }, 4, 4)];
  expect(square).toEqual([0, 0.5, 1.5, 2, 1, 1.5, 2.5, 3, 3, 3.5, 4.5, 5, 4, 4.5, 5.5, 6]);
});

test('the same size leaves a map as it is', () => {
  const values = [1, -2, 3, 5, 8, 13];
  expect([...enlarge({ values, height: 2, width: 3 }, 2, 3)]).toEqual(values);
});
