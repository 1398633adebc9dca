import { expect, test } from '@jest/globals';
import { countLookaheadMutants } from '../../../src/fuzzer/scheduling/task.ts';
import { taskOf } from '../../support/tasks.ts';

const PARENTS = new Array<number>(10).fill(0);

test('lookahead mutants are those of all steps but the last', () => {
  // Steps of 4, 4 and 2 picks, eight mutants a pick.
  expect(countLookaheadMutants(taskOf(PARENTS, { picksPerStep: 4, lookahead: true }))).toBe(64);
  expect(countLookaheadMutants(taskOf(PARENTS, { picksPerStep: 10, lookahead: true }))).toBe(0);
});

test('a task that evaluates its mutants in full has none', () => {
  expect(countLookaheadMutants(taskOf(PARENTS, { picksPerStep: 4 }))).toBe(0);
  expect(countLookaheadMutants(taskOf(PARENTS, { lookahead: true }))).toBe(0);
  expect(countLookaheadMutants(taskOf(PARENTS))).toBe(0);
});
