import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { distanceFeedback } from '../../../src/coverage/feedback/distance-feedback.ts';
import { Feedback, type FeedbackOptions } from '../../../src/coverage/feedback/feedback.ts';
import { setFeedback } from '../../../src/coverage/feedback/set-feedback.ts';

const feedback = (options: Partial<FeedbackOptions> = {}): Feedback =>
  new Feedback({ kind: distanceFeedback, width: 1, threshold: 4, isAdaptive: true, ...options });

/** Scores of mutants that were kept. */
const kept = (count: number): number[] => new Array<number>(count).fill(5);

describe('a feedback', () => {
  test('by distance finds new what lies beyond the threshold, and scores it by the squared distance', () => {
    const distance = feedback();
    distance.add(Float32Array.of(0));
    expect(distance.assess(Float32Array.of(2))).toEqual({ isNew: false, score: 4, units: 1 });
    expect(distance.assess(Float32Array.of(4))).toEqual({ isNew: true, score: 16, units: 4 });
    expect([distance.size, distance.threshold]).toEqual([1, 4]);
  });

  test('follows the search; one that the user set never does', () => {
    const flood = (options: Partial<FeedbackOptions>) => {
      const judged = feedback(options);
      return [judged.adapt(10_000, kept(150))?.threshold, judged.threshold];
    };
    expect(flood({})).toEqual([8, 8]);
    expect(flood({ isAdaptive: false })).toEqual([undefined, 4]);
    expect(flood({ kind: setFeedback })).toEqual([8, 8]);
    expect(flood({ kind: setFeedback, isAdaptive: false })).toEqual([undefined, 4]);
  });

  test('where results are long in flight ignores those judged by an older threshold', () => {
    const delayed = feedback({ isDelayed: true });
    expect(delayed.adapt(10_000, [], 4)?.threshold).toBe(2);
    expect(delayed.adapt(10_000, [], 4)).toBeUndefined();
  });

  test('by a set finds new what has an element more', () => {
    const set = feedback({ kind: setFeedback, width: 3, threshold: 0 });
    set.add(Float32Array.of(1, 0, 0));
    expect(set.assess(Float32Array.of(1, 0, 0))).toEqual({ isNew: false, score: 0, units: 0 });
    expect(set.assess(Float32Array.of(1, 1, 1))).toEqual({ isNew: true, score: 2, units: 2 });
  });

  test('without guidance finds nothing new and stays empty', () => {
    const unguided = feedback({ width: undefined, threshold: 0 });
    unguided.add(Float32Array.of(1));
    expect(unguided.assess(Float32Array.of(9))).toEqual({ isNew: false, score: 0, units: 0 });
    expect([unguided.size, unguided.loadPrefix(5)]).toEqual([0, 0]);
  });

  test('restores its threshold, and the counts of the window as well', () => {
    const [whole, restored] = [feedback(), feedback({ threshold: 1 })];
    whole.adapt(6_000, kept(150));
    restored.restore(JSON.parse(JSON.stringify(whole.save())));
    expect(restored.threshold).toBe(4);
    expect(restored.adapt(4_000, [])).toEqual({
      threshold: 8,
      why: '150 of the last 10000 mutants were kept',
    });
  });

  test.each([
    ['many elements at once', 50],
    ['one element', 1],
  ])('by a set keeps few where nearly every mutant has %s that is new', (_, width) => {
    const set = feedback({ kind: setFeedback, width, threshold: 0 });
    const random = randomStream('elements');
    let count = 0;
    for (let task = 0; task < 500; task++) {
      const observations = Array.from({ length: 64 }, () =>
        Float32Array.from({ length: width }, () => 1 + random.below(1_000_000)),
      );
      const scores = observations.flatMap((observation) => {
        const { isNew, score } = set.assess(observation);
        if (!isNew) return [];
        set.add(observation);
        return [score];
      });
      count += scores.length;
      set.adapt(64, scores);
    }
    expect(count).toBeGreaterThan(100);
    expect(count).toBeLessThan(0.04 * 500 * 64);
  });
});
