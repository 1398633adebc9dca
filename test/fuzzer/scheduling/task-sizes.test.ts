import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { parameterValues } from '../../../src/extensions/parameters.ts';
import { defaultBatch, feedbackDelay, mutantsInTask } from '../../../src/fuzzer/scheduling/task-sizes.ts';
import { recent } from '../../../src/schedulers/recent.ts';
import { makeScheduler } from '../../../src/schedulers/registry.ts';
import type { CorpusSize } from '../../../src/schedulers/scheduler.ts';
import { uniform } from '../../../src/schedulers/uniform.ts';

const corpusOf = (count: number, seeds = 1): CorpusSize => ({ count, seeds });

/** How often each entry is picked in 60,000 draws. */
function counts(pick: (random: ReturnType<typeof randomStream>) => number, entries: number): number[] {
  const random = randomStream('picks');
  const seen = new Array<number>(entries).fill(0);
  for (let i = 0; i < 60_000; i++) seen[pick(random)]++;
  return seen;
}

test('no task sees less than the one before it, and never its own result', () => {
  for (let task = 1; task < 10_000; task++) {
    expect(feedbackDelay(task)).toBeGreaterThanOrEqual(1);
    expect(task + 1 - feedbackDelay(task + 1)).toBeGreaterThanOrEqual(task - feedbackDelay(task));
    expect(mutantsInTask(task + 1, 256)).toBeGreaterThanOrEqual(mutantsInTask(task, 256));
  }
});

test('what is still out is a fiftieth of the campaign at most, and at last enough for 32 workers', () => {
  for (let task = 100; task < 5000; task++) expect(feedbackDelay(task)).toBeLessThanOrEqual(task / 50);
  expect(feedbackDelay(1)).toBe(1);
  expect(feedbackDelay(100_000)).toBe(64);
  expect(mutantsInTask(100_000, 256)).toBe(2048);
});

test('a batch holds about a megabyte, and at least one testcase', () => {
  expect(defaultBatch(784)).toBe(256);
  expect(defaultBatch(3 * 224 * 224)).toBe(1);
  expect(defaultBatch(10_000)).toBe(16);
  expect(defaultBatch(10 ** 9)).toBe(1);
});

test('uniform picks every entry equally often', () => {
  for (const seen of counts((random) => uniform.make(parameterValues()).pick(corpusOf(10), random), 10))
    expect(Math.abs(seen - 6000)).toBeLessThan(300);
});

test('recent picks one of the five newest or one of all, each of the six with the same chance', () => {
  const seen = counts((random) => recent.make(parameterValues()).pick(corpusOf(20), random), 20);
  seen.slice(15).forEach((count) => expect(Math.abs(count - 10_500)).toBeLessThan(400));
  seen.slice(0, 15).forEach((count) => expect(Math.abs(count - 500)).toBeLessThan(120));
});

test('recent works from the first entry on', () => {
  expect(counts((random) => recent.make(parameterValues()).pick(corpusOf(1), random), 1)).toEqual([60_000]);
  const three = counts((random) => recent.make(parameterValues()).pick(corpusOf(3), random), 3);
  three.forEach((count) => expect(Math.abs(count - 20_000)).toBeLessThan(600));
});

test('without guidance seeds alone are picked', async () => {
  const scheduler = await makeScheduler({ scheduler: 'recent', guidance: 'none' });
  const seen = counts((random) => scheduler.pick(corpusOf(50, 4), random), 50);
  expect(seen.slice(4).every((count) => count === 0)).toBe(true);
  seen.slice(0, 4).forEach((count) => expect(Math.abs(count - 15_000)).toBeLessThan(500));
});
