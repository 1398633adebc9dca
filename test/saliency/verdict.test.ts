import { expect, test } from '@jest/globals';
import { figuresOf, halfOf, stepsOf, verdictOf } from '../../src/saliency/verdict.ts';

const LAYERS = ['first', 'middle', 'last'];

test('the order says which layers each step randomises', () => {
  expect(stepsOf(LAYERS, 'cascade')).toEqual([['last'], ['last', 'middle'], ['last', 'middle', 'first']]);
  expect(stepsOf(LAYERS, 'bottom-up')).toEqual([['first'], ['first', 'middle'], ['first', 'middle', 'last']]);
  expect(stepsOf(LAYERS, 'independent')).toEqual([['last'], ['middle'], ['first']]);
});

test('half of an odd number of layers includes the middle one', () => {
  expect([1, 2, 3, 4, 5].map((count) => halfOf(new Array(count)))).toEqual([1, 1, 2, 2, 3]);
});

test('mean, standard deviation and least value of each metric', () => {
  const figures = figuresOf([
    { signed: 1, abs: 0.5 },
    { signed: 0, abs: 0.5 },
  ]);
  expect(figures.signed).toEqual({ mean: 0.5, sd: 0.5, min: 0 });
  expect(figures.abs).toEqual({ mean: 0.5, sd: 0, min: 0.5 });
  expect(figures.ssim).toBeNull();
  expect(figuresOf([]).signed).toBeNull();
});

test.each([
  [0.9, 0.1, 'depends on the picture'],
  [0.1, 0.1, 'depends on the model'],
  [0.45, 0.1, 'undecided'],
  [0.55, 0.1, 'undecided'],
  [1, 0, 'depends on the picture'],
  [0.5, 0, 'depends on the model'],
])('a mean of %p ± %p against 0.5: %s', (mean, sd, verdict) => {
  expect(verdictOf({ mean, sd, min: 0 }, 0.5)).toBe(verdict);
});
