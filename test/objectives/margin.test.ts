import { expect, test } from '@jest/globals';
import { logMargin, MIN_MARGIN } from '../../src/objectives/margin.ts';

test('counts doublings of the unit', () => {
  expect(logMargin(7, 1)).toBe(3);
  expect(logMargin(0.75, 0.25)).toBe(2);
});

test('stays above 0, which would be a violation', () => {
  expect(logMargin(0, 1)).toBe(MIN_MARGIN);
  expect(logMargin(1e-30, 1)).toBe(MIN_MARGIN);
});
