import { describe, expect, test } from '@jest/globals';
import { NoveltyThreshold } from '../../../src/coverage/feedback/novelty-threshold.ts';

/** Scores of mutants that were kept, all alike. */
const kept = (count: number, score = 10): number[] => new Array<number>(count).fill(score);

describe('a threshold', () => {
  test('doubles when more than one mutant in a hundred is kept, and halves when none is', () => {
    const threshold = new NoveltyThreshold(4, true);
    threshold.observe(9_999, kept(150));
    expect(threshold.value).toBe(4);
    const change = threshold.observe(1, []);
    expect(change).toEqual({ threshold: 8, why: '150 of the last 10000 mutants were kept' });
    expect(threshold.value).toBe(8);
    threshold.observe(10_000, kept(100));
    expect(threshold.value).toBe(8);
    threshold.observe(10_000, []);
    expect(threshold.value).toBe(4);
  });

  test('rises at once where the corpus floods, to the median score of those that were kept', () => {
    const threshold = new NoveltyThreshold(1, true);
    expect(threshold.observe(900, kept(200, 5))).toBeUndefined();
    const scores = [50, 70, 60, 90, 80, 5, 5];
    expect(threshold.observe(100, scores)).toEqual({
      threshold: 5,
      why: '207 of the last 1000 mutants were kept',
    });
    expect(threshold.observe(900, kept(201, 6))).toMatchObject({ threshold: 10 });
    const steep = Array.from({ length: 201 }, (_, i) => 2 ** i);
    expect(threshold.observe(400, steep)?.threshold).toBe(2 ** 175);
    threshold.observe(10_000, kept(100, 2 ** 176));
    expect(
      threshold.observe(
        400,
        steep.map((score) => score * 2 ** 100),
      )?.threshold,
    ).toBe(2 ** 200);
  });

  test('that counts elements begins at 0, rises by floods alone, and falls to 0 again', () => {
    const threshold = new NoveltyThreshold(0, true);
    expect(threshold.observe(10_000, kept(150, 3))).toBeUndefined();
    expect(threshold.observe(400, kept(201, 3))).toMatchObject({ threshold: 3 });
    const falling = Array.from({ length: 3 }, () => threshold.observe(10_000, [])?.threshold);
    expect(falling).toEqual([1.5, 0, undefined]);
  });

  test('rises after fewer kept mutants of a model that runs few', () => {
    const threshold = new NoveltyThreshold(1, true, false, 16);
    expect(threshold.observe(64, kept(16, 5))).toBeUndefined();
    expect(threshold.observe(6, [9])).toMatchObject({ threshold: 5 });
  });

  test('keeps few of mutants whose scores grow without bound', () => {
    const threshold = new NoveltyThreshold(1e-9, true);
    let count = 0;
    for (let task = 0; task < 100; task++) {
      // Each task's scores span fifteen decades around those of a network whose activations grow exponentially.
      const scores = Array.from({ length: 100 }, (_, i) => 10 ** (((i * 37) % 100) * 0.15 + task * 0.02));
      const isKept = scores.filter((score) => score > threshold.value);
      count += isKept.length;
      threshold.observe(100, isKept);
    }
    expect(count).toBeLessThan(2_000);
  });

  test('continues from where it was saved', () => {
    const [whole, first, second] = [1, 2, 3].map(() => new NoveltyThreshold(4, true));
    whole.observe(6_000, kept(150));
    first.observe(6_000, kept(150));
    second.restore(JSON.parse(JSON.stringify(first.save())));
    for (const threshold of [whole, second]) threshold.observe(6_000, kept(1));
    expect(second.save()).toEqual(whole.save());
    expect(second.value).toBe(8);
  });

  test('continues from a checkpoint that has no scores', () => {
    const threshold = new NoveltyThreshold(4, true);
    threshold.restore({ value: 4, mutants: 9_000, added: 150 });
    expect(threshold.observe(1_000, [])?.threshold).toBe(8);
  });

  test('is moved no further by results that were judged by another value, where those are long in flight', () => {
    const [delayed, prompt] = [true, false].map((isDelayed) => new NoveltyThreshold(4, true, isDelayed));
    for (const threshold of [delayed, prompt])
      for (let task = 0; task < 5; task++) threshold.observe(10_000, [], 4);
    expect([delayed.value, prompt.value]).toEqual([2, 4 / 32]);
    delayed.observe(10_000, kept(150), 2);
    expect(delayed.value).toBe(4);
  });

  test('halves at most 20 times', () => {
    const threshold = new NoveltyThreshold(1, true);
    for (let window = 0; window < 30; window++) threshold.observe(10_000, []);
    expect(threshold.value).toBe(2 ** -20);
  });

  test('stays where the user set it', () => {
    const threshold = new NoveltyThreshold(4, false);
    expect(threshold.observe(100_000, kept(50_000))).toBeUndefined();
    expect(threshold.value).toBe(4);
  });
});
