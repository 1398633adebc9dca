import { expect, test } from '@jest/globals';
import { floorToPowerOfTwo } from '../../src/core/floor-to-power-of-two.ts';

test('numbers are rounded down to a power of two, and those below 1 to 0', () =>
  expect([0, 0.9, 1, 3.9, 4, 1023, 1024].map(floorToPowerOfTwo)).toEqual([0, 0, 1, 2, 4, 512, 1024]));
