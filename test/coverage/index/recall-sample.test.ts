import { expect, test } from '@jest/globals';
import { distanceFeedback } from '../../../src/coverage/feedback/distance-feedback.ts';
import { HnswIndex } from '../../../src/coverage/index/hnsw-index.ts';
import { RecallSample, recallText } from '../../../src/coverage/index/recall-sample.ts';
import { ExactIndex } from '../../support/brute-force-index.ts';
import { randomVectors } from '../../support/observations.ts';

const stored = randomVectors(3000, 24, 'stored');
const queries = randomVectors(3000, 24, 'queries');

test('an exact search of the HNSW index compares with every vector', () => {
  const index = new HnswIndex(24);
  const exact = new ExactIndex();
  for (const vector of stored) {
    index.add(vector);
    exact.add(vector);
  }
  for (const query of queries.slice(0, 50))
    expect(index.exactNearest(query)).toBeCloseTo(exact.nearest(query), 3);
  expect(index.exactNearest(stored[7])).toBe(0);
});

test('a campaign checks a share of its searches that falls with the number of vectors', () => {
  const history = distanceFeedback.openHistory(24);
  for (const vector of stored.slice(0, 99)) history.add(vector);
  for (const query of queries) history.score(query);
  expect(history.recallSample?.recall).toEqual({ checked: 0, found: 0 });
  for (const vector of stored.slice(99, 320)) history.add(vector);
  for (const query of queries.slice(0, 200)) history.score(query);
  expect(history.recallSample?.recall.checked).toBe(10);
  for (const vector of stored.slice(320)) history.add(vector);
  for (const query of queries) history.score(query);
  // 16 vectors per search pay for 3,000 after 188 searches.
  expect(history.recallSample?.recall.checked).toBe(10 + Math.floor(3000 / 188));
});

test('a search counts as found if its distance is that of the nearest, but for rounding', () => {
  const sample = new RecallSample();
  const index = {
    size: 100,
    exactNearest: () => 2,
    add() {},
    nearest: () => 2,
    nearestEntry: () => 0,
    loadPrefix: () => 0,
  };
  // A hundred vectors are paid for by every seventh search.
  const check = (nearest: number): void => {
    for (let i = 0; i < 7; i++) sample.observe(index, queries[0], nearest);
  };
  for (const nearest of [2, 2.00001, 2.1, 50]) check(nearest);
  expect(sample.recall).toEqual({ checked: 4, found: 2 });
  expect(recallText(sample.recall)).toBe(
    'recall of the neighbour index: 50 % (the nearest activations in 2 of 4 checked searches)',
  );
  expect(recallText({ checked: 0, found: 0 })).toBeUndefined();
});

test('a restored sample goes on where it was saved', () => {
  const index = {
    size: 100,
    exactNearest: () => 1,
    add() {},
    nearest: () => 1,
    nearestEntry: () => 0,
    loadPrefix: () => 0,
  };
  const [whole, first, second] = [new RecallSample(), new RecallSample(), new RecallSample()];
  for (let i = 0; i < 40; i++) whole.observe(index, queries[0], 1);
  for (let i = 0; i < 17; i++) first.observe(index, queries[0], 1);
  second.restore(JSON.parse(JSON.stringify(first.save())));
  for (let i = 17; i < 40; i++) second.observe(index, queries[0], 1);
  expect(second.save()).toEqual(whole.save());
  expect(whole.recall.checked).toBe(5);
});

test('searches among single numbers are exact and are not checked', () => {
  expect(distanceFeedback.openHistory(1).recallSample).toBeUndefined();
});
