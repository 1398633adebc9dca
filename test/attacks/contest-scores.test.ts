import { describe, expect, test } from '@jest/globals';
import { accuracyAt, accuracyCurve, attackScores, thresholdOf } from '../../src/attacks/contest-scores.ts';
import { randomStream } from '../../src/core/random.ts';
import { answerOf } from '../../src/objectives/class-answer.ts';

/** Answers with a confidence each, wrong where `correct` is 0. */
const answers = (correct: readonly number[], confidences: readonly number[]) =>
  correct.map((isCorrect, i) => ({
    predicted: 0,
    isWrong: isCorrect === 0,
    confidence: confidences[i],
    gap: isCorrect === 0 ? 1 : -1,
  }));

const TEN = answers([1, 1, 1, 0, 1, 1, 1, 0, 1, 0], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);

describe('ten rows by hand', () => {
  test('of eight that are covered two are wrong, of all three', () => {
    expect(accuracyAt(TEN, 0.8)).toEqual({ threshold: 3, covered: 8, wrong: 2, accuracy: 6 / 8 });
    expect(accuracyAt(TEN, 1)).toEqual({ threshold: 1, covered: 10, wrong: 3, accuracy: 0.7 });
  });

  test('ties with the last one are covered with it', () => {
    const tied = answers([1, 1, 1, 0, 1, 1, 1, 0, 1, 0], [10, 9, 8, 7, 6, 5, 4, 3, 3, 3]);
    expect(accuracyAt(tied, 0.8)).toEqual({ threshold: 3, covered: 10, wrong: 3, accuracy: 0.7 });
  });

  test('the curve ends at all inputs, and a share without room for one covers the surest', () => {
    const curve = accuracyCurve(TEN);
    expect(curve).toHaveLength(100);
    expect(curve[99]).toEqual({ coverage: 1, accuracy: 0.7 });
    expect(curve[0]).toEqual({ coverage: 0.01, accuracy: 1 });
    expect(curve.find(({ coverage }) => coverage === 0.29)?.accuracy).toBe(1);
    expect(curve.find(({ coverage }) => coverage === 0.4)?.accuracy).toBe(3 / 4);
  });

  test('confident mistakes count from a threshold that stays', () => {
    expect(thresholdOf(TEN, 0.5)).toBe(6);
    expect(attackScores(TEN, 0.8, 6)).toEqual({
      accuracyAtCoverage: 0.75,
      accuracyAtAll: 0.7,
      confidentMistakes: 1,
      coverage: 0.5,
    });
    expect(attackScores(TEN, 0.8, 11)).toMatchObject({ confidentMistakes: 0, coverage: 0 });
  });
});

describe('models that see nothing', () => {
  const draw = randomStream('contest', 'logits');
  const judged = (logits: () => number[]) =>
    Array.from({ length: 1000 }, (_, i) => answerOf(Float64Array.from(logits()), i % 2, 'max-logit', false));

  test('that always answer the same are right on all inputs of a class and on none of the other', () => {
    const constant = judged(() => [1, 3]);
    const ofClass = (label: number) => constant.filter((_, i) => i % 2 === label);
    for (const share of [0.8, 1]) {
      expect(accuracyAt(ofClass(1), share).accuracy).toBe(1);
      expect(accuracyAt(ofClass(0), share).accuracy).toBe(0);
    }
  });

  test('with random logits are right on half of the inputs', () => {
    const random = judged(() => [draw.uniform(), draw.uniform()]);
    for (const share of [0.8, 1])
      expect(Math.abs(accuracyAt(random, share).accuracy - 0.5)).toBeLessThan(0.05);
  });
});
