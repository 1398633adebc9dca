import { expect, test } from '@jest/globals';
import { Sampler } from '../../../src/model/language/sampler.ts';

const LOGITS = Float32Array.of(0, Math.log(2), Math.log(5), 9, Math.log(3), Math.log(1), 0, 0);
const sampler = (temperature: number, topK = 4) => new Sampler({ temperature, topK, seed: '1' });

test('greedy decoding takes the likeliest token of a row, with its log-probability', () => {
  const greedy = sampler(0);
  expect(greedy.randomFor([1])).toBeUndefined();
  expect(greedy.sample(LOGITS.subarray(0, 3), 0, 3, undefined)).toBe(2);
  expect(greedy.logProb).toBeCloseTo(Math.log(5 / 8), 6);
  expect(greedy.sample(LOGITS, 1, 4, undefined)).toBe(0);
});

test('log-probabilities of sets are at the temperature', () => {
  const isOdd = (id: number): boolean => id % 2 === 1;
  expect(sampler(0).logProbOfSet(LOGITS, 0, 3, isOdd)).toBeCloseTo(Math.log(2 / 8), 6);
  expect(sampler(0.5).logProbOfSet(LOGITS, 0, 3, isOdd)).toBeCloseTo(Math.log(4 / 30), 6);
});

test('sampling follows the probabilities of the top k, and the same prompt draws the same', () => {
  const sampled = (topK: number): number[] => {
    const counts = [0, 0, 0];
    const warm = sampler(1, topK);
    for (let i = 0; i < 4000; i++) counts[warm.sample(LOGITS, 0, 3, warm.randomFor([i]))]++;
    return counts;
  };
  const [zero, one, two] = sampled(3);
  expect(zero / 4000).toBeCloseTo(1 / 8, 1);
  expect(one / 4000).toBeCloseTo(2 / 8, 1);
  expect(two / 4000).toBeCloseTo(5 / 8, 1);
  expect(sampled(2)[0]).toBe(0);
  expect(sampled(3)).toEqual([zero, one, two]);
});

test('logits that are not finite are not sampled', () => {
  const warm = sampler(1);
  expect(warm.sample([Number.NaN, 1, Number.POSITIVE_INFINITY], 0, 3, warm.randomFor([1]))).toBe(2);
});
