import { expect, test } from '@jest/globals';
import { processDeathViolation } from '../../src/objectives/crash-signature.ts';
import { addHit, emptyResult, lostResult } from '../../src/workers/lost-tasks.ts';
import { crash } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';
import { numberedTask } from '../support/worker-tasks.ts';

test('a lost task counts its death and all of its mutants', () => {
  const result = lostResult(numberedTask(3, { mutants: 64 }), crash());
  expect(result).toMatchObject({ task: 3, mutants: 64, lost: 64, hits: [] });
  expect(result.counts).toEqual([{ signature: 'crash-sigsegv', hits: 1 }]);
});

test('a hit is numbered in the campaign, and is its own batch', () => {
  const task = numberedTask(2, { mutants: 10 });
  const data = testcaseOf([1, 2]);
  const violation = processDeathViolation('hang', 'SIGKILL');
  const result = addHit(emptyResult(task), task, 4, violation, { pick: 1, data });
  expect(result.hits).toEqual([{ pick: 1, execs: 25, violation, data, batch: { data, rows: 1, row: 0 } }]);
  expect(result.counts).toEqual([{ signature: 'hang', hits: 1 }]);
});
