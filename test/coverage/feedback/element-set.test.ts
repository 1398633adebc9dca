import { expect, test } from '@jest/globals';
import { ElementSet } from '../../../src/coverage/feedback/element-set.ts';

test('elements are pairs of position and value; zeros are none', () => {
  const elements = new ElementSet(4);
  elements.addAll(Float32Array.of(1, 0, 2.5, 0));
  elements.addAll(Float32Array.of(0, 0, 3, 0));
  expect([elements.has(0, 1), elements.has(1, 1), elements.has(1, 0)]).toEqual([true, false, false]);
  expect([elements.has(0, 2.5), elements.has(2, 2.5), elements.has(2, 3)]).toEqual([false, true, true]);
  expect([elements.has(2, 1), elements.has(2, 4)]).toEqual([false, false]);
});
