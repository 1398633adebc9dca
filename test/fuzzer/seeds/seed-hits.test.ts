import { describe, expect, test } from '@jest/globals';
import { SeedHitCollector } from '../../../src/fuzzer/seeds/seed-hits.ts';
import type { Objective, Violation } from '../../../src/objectives/objective.ts';
import { entryOf, taskOf, testcaseOf } from '../../support/tasks.ts';

const OBJECTIVE: Objective = {
  name: 'wrong',
  judge() {},
  breaksSeed: ({ signature }) => signature !== 'wrong-tie',
};
const VIOLATION: Violation = {
  objective: 'wrong',
  signature: 'wrong-y',
  summary: '',
  tensors: [],
  details: {},
};

/** Seeds 0 and 1 and a child of each. */
const ENTRIES = [
  entryOf(0, testcaseOf([0, 0])),
  entryOf(1, testcaseOf([5, 5])),
  entryOf(2, testcaseOf([1, 1]), 0),
  entryOf(3, testcaseOf([4, 4]), 1),
];

/** A collector of a task whose picks mutate these entries, a row each. */
const collectorOf = (parents: readonly number[]): SeedHitCollector =>
  new SeedHitCollector(taskOf(parents), { entryData: (entry) => ENTRIES[entry] });

describe('the hits of a seed', () => {
  test('have the first mutant of the seed that violates, and the least of each distance', () => {
    const hits = collectorOf([0, 1, 2, 3, 0]);
    hits.beginBatch(5, (row) => row);
    hits.record(OBJECTIVE, VIOLATION, 2, testcaseOf([0, 3]));
    hits.record(OBJECTIVE, VIOLATION, 3, testcaseOf([5, 6]));
    hits.record(OBJECTIVE, VIOLATION, 4, testcaseOf([1, 1]));
    expect(hits.hits).toEqual([
      { objective: 'wrong', seed: 0, query: 2, linf: 1, l2: Math.sqrt(2), l0: 1 },
      { objective: 'wrong', seed: 1, query: 2, linf: 1, l2: 1, l0: 1 },
    ]);
  });

  test('count the mutants of batches before, whether or not these ran', () => {
    const hits = collectorOf([0, 1, 0]);
    hits.beginBatch(3, (row) => row);
    hits.beginBatch(2, (row) => [0, 2][row]);
    hits.record(OBJECTIVE, VIOLATION, 1, testcaseOf([0, 1]));
    expect(hits.hits).toMatchObject([{ seed: 0, query: 4 }]);
  });

  test('leave out violations that do not break a seed, and objectives without accounts', () => {
    const hits = collectorOf([0]);
    hits.beginBatch(1, () => 0);
    hits.record(OBJECTIVE, { ...VIOLATION, signature: 'wrong-tie' }, 0, testcaseOf([1, 1]));
    hits.record({ name: 'nonfinite', judge() {} }, VIOLATION, 0, testcaseOf([1, 1]));
    expect(hits.hits).toEqual([]);
  });
});
