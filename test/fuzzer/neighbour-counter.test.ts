import { expect, test } from '@jest/globals';
import { covarianceFeedback } from '../../src/coverage/feedback/covariance-feedback.ts';
import { distanceFeedback } from '../../src/coverage/feedback/distance-feedback.ts';
import { NeighbourCounter } from '../../src/fuzzer/neighbour-counter.ts';

test('mutants are counted for the nearest entry, those that are not finite for none', () => {
  const history = distanceFeedback.openHistory(2);
  for (const [x, y] of [
    [0, 0],
    [5, 5],
  ])
    history.add(Float32Array.of(x, y));
  const filter = history.filter(1);
  const rows = Float32Array.of(4, 4, Number.NaN, 0, 1, 0, 6, 9);
  const counter = new NeighbourCounter();
  for (let row = 0; row < 4; row++) counter.count(filter, rows, row);
  expect(counter.counts()).toEqual({ entries: [1, 0], mutants: [2, 1] });
});

test('nothing is counted where nothing is known, and where observations have no neighbourhoods', () => {
  const counter = new NeighbourCounter();
  counter.count(distanceFeedback.openHistory(2).filter(1), Float32Array.of(1, 2), 0);
  counter.count(covarianceFeedback.openHistory(2).filter(1), Float32Array.of(1, 2), 0);
  expect(counter.counts()).toEqual({ entries: [], mutants: [] });
});
