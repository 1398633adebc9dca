import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { epochFeedbackDelay } from '../../../src/fuzzer/scheduling/task-sizes.ts';

/** Tasks whose results must be taken before a task is handed out. */
const seen = (size: number, task: number): number => task - epochFeedbackDelay(size)(task);

describe('epochs', () => {
  test('no task sees less than the one before it, and none sees itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), fc.integer({ min: 1, max: 20_000 }), (size, task) => {
        expect(seen(size, task)).toBeLessThan(task);
        expect(seen(size, task)).toBeGreaterThanOrEqual(0);
        expect(seen(size, task + 1)).toBeGreaterThanOrEqual(seen(size, task));
      }),
    );
  });

  test('at most two epochs are out, and all tasks of one see the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), fc.integer({ min: 1, max: 20_000 }), (size, task) => {
        expect(task - seen(size, task)).toBeLessThanOrEqual(2 * size);
      }),
    );
    const steps = Array.from({ length: 3000 }, (_, i) => seen(64, i + 1));
    const changes = steps.slice(1).filter((value, i) => value !== steps[i]);
    expect(changes.length).toBeLessThan(3000 / 64 + 80);
  });

  test('epochs are short at first, and of their size in the end', () => {
    expect(seen(256, 2)).toBeGreaterThanOrEqual(0);
    expect(40 - seen(256, 40)).toBeLessThan(20);
    const late = Array.from({ length: 1024 }, (_, i) => seen(256, 20_000 + i));
    const jumps = late.slice(1).flatMap((value, i) => (value === late[i] ? [] : [value - late[i]]));
    expect(new Set(jumps)).toEqual(new Set([256]));
  });
});
