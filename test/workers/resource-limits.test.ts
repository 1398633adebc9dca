import { availableParallelism, totalmem } from 'node:os';
import { expect, test } from '@jest/globals';
import { availableCores, memoryShare } from '../../src/workers/resource-limits.ts';

test("workers are as many as the machine's or the container's cores, and share four fifths of its memory", () => {
  expect(availableCores()).toBeGreaterThanOrEqual(1);
  expect(availableCores()).toBeLessThanOrEqual(availableParallelism());
  expect(memoryShare(1)).toBeLessThanOrEqual(0.8 * totalmem());
  expect(Math.abs(memoryShare(1) / memoryShare(2) - 2)).toBeLessThan(1e-6);
  expect(memoryShare(1024)).toBeGreaterThanOrEqual(512e6);
});
