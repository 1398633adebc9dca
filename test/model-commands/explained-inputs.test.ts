import { expect, test } from '@jest/globals';
import { spread } from '../../src/model-commands/explained-inputs.ts';

test('inputs are spread over the predicted classes, in the order of the seeds', () => {
  expect(spread([0, 0, 0, 1, 2, 1], 4)).toEqual([0, 1, 3, 4]);
  expect(spread([0, 0, 0, 1, 2, 1], 3)).toEqual([0, 3, 4]);
  expect(spread([5, 5], 20)).toEqual([0, 1]);
  // Those without a class are left out.
  expect(spread([-1, 1, -1, 0], 4)).toEqual([1, 3]);
});
