import { expect, test } from '@jest/globals';
import { HitCollector } from '../../src/fuzzer/hit-collector.ts';

test('the data of the first hits of each signature is kept, and all are counted', () => {
  const collector = new HitCollector({ saturatedSignatures: [] }, 2);
  const kept = ['nan', 'inf', 'nan', 'nan', 'inf'].map((signature) => collector.countHit({ signature }));
  expect(kept).toEqual([true, true, true, false, true]);
  expect(collector.counts()).toEqual([
    { signature: 'nan', hits: 3 },
    { signature: 'inf', hits: 2 },
  ]);
});

test('hits of a saturated signature are only counted', () => {
  const collector = new HitCollector({ saturatedSignatures: ['nan'] }, 2);
  expect(['nan', 'inf'].map((signature) => collector.countHit({ signature }))).toEqual([false, true]);
  expect(collector.counts()).toEqual([
    { signature: 'nan', hits: 1 },
    { signature: 'inf', hits: 1 },
  ]);
});
