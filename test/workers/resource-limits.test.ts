import { availableParallelism, totalmem } from 'node:os';
import { expect, test } from '@jest/globals';
import { cores, memoryShare } from '../../src/workers/resource-limits.ts';

test("workers are as many as the machine's or the container's cores, and share four fifths of its memory", () => {
  expect(cores()).toBeGreaterThanOrEqual(1);
  expect(cores()).toBeLessThanOrEqual(availableParallelism());
  expect(memoryShare(1)).toBeLessThanOrEqual(0.8 * totalmem());
  expect(Math.abs(memoryShare(1) / memoryShare(2) - 2)).toBeLessThan(1e-6);
  expect(memoryShare(1024)).toBeGreaterThanOrEqual(512e6);
});
