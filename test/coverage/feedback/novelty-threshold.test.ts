import { describe, expect, test } from '@jest/globals';
import { NoveltyThreshold } from '../../../src/coverage/feedback/novelty-threshold.ts';

describe('a threshold', () => {
  test('doubles when more than one mutant in a hundred is kept, and halves when none is', () => {
    const threshold = new NoveltyThreshold(4, true);
    threshold.observe(9_999, 500);
    expect(threshold.value).toBe(4);
    const change = threshold.observe(1, 0);
    expect(change).toEqual({ threshold: 8, why: '500 of the last 10000 mutants were kept' });
    expect(threshold.value).toBe(8);
    threshold.observe(10_000, 100);
    expect(threshold.value).toBe(8);
    threshold.observe(10_000, 0);
    expect(threshold.value).toBe(4);
  });

  test('continues from where it was saved', () => {
    const [whole, first, second] = [1, 2, 3].map(() => new NoveltyThreshold(4, true));
    whole.observe(6_000, 300);
    first.observe(6_000, 300);
    second.restore(JSON.parse(JSON.stringify(first.save())));
    for (const threshold of [whole, second]) threshold.observe(6_000, 0);
    expect(second.save()).toEqual(whole.save());
    expect(second.value).toBe(8);
  });

  test('is moved no further by results that were judged by another value, where those are long in flight', () => {
    const [delayed, prompt] = [true, false].map((isDelayed) => new NoveltyThreshold(4, true, isDelayed));
    for (const threshold of [delayed, prompt])
      for (let task = 0; task < 5; task++) threshold.observe(10_000, 0, 4);
    expect([delayed.value, prompt.value]).toEqual([2, 4 / 32]);
    delayed.observe(10_000, 500, 2);
    expect(delayed.value).toBe(4);
  });

  test('halves at most 20 times', () => {
    const threshold = new NoveltyThreshold(1, true);
    for (let window = 0; window < 30; window++) threshold.observe(10_000, 0);
    expect(threshold.value).toBe(2 ** -20);
  });

  test('stays where the user set it', () => {
    const threshold = new NoveltyThreshold(4, false);
    expect(threshold.observe(100_000, 50_000)).toBeUndefined();
    expect(threshold.value).toBe(4);
  });
});
