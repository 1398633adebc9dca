import { expect, test } from '@jest/globals';
import type { RerunResult } from '../../src/evaluation/rerun-testcase.ts';
import { processDeathViolation } from '../../src/objectives/crash-signature.ts';
import { RerunTally } from '../../src/workers/rerun-tally.ts';

const part = (changes: Partial<RerunResult>): RerunResult => ({
  matchingRuns: 0,
  totalRuns: 1,
  otherSignatures: [],
  ...changes,
});

test('sums matching runs and deaths, and keeps every other signature once', () => {
  const tally = new RerunTally('crash-sigsegv');
  tally.add(part({ matchingRuns: 2, otherSignatures: ['slow'] }));
  tally.add(part({ matchingRuns: 1, otherSignatures: ['slow', 'hang'] }));
  tally.addDeath(processDeathViolation('crash', 'SIGSEGV'));
  tally.addDeath(processDeathViolation('memory', 'SIGKILL'));
  expect(tally.result(5)).toMatchObject({
    matchingRuns: 4,
    totalRuns: 5,
    otherSignatures: ['slow', 'hang', 'memory'],
  });
});

test('what is recorded once comes from the first call that has it', () => {
  const tally = new RerunTally('nonfinite');
  tally.add(part({}));
  tally.add(part({ summary: 'Log of 0' }));
  tally.add(part({ summary: 'Log of -1' }));
  expect(tally.result(3).summary).toBe('Log of 0');
});

test('a pair is deterministic where all calls say so, and nothing is known where none does', () => {
  const tallied = (...values: (boolean | undefined)[]) => {
    const tally = new RerunTally('quantization');
    for (const isDeterministic of values) tally.add(part({ isDeterministic }));
    return tally.result(values.length).isDeterministic;
  };
  expect([tallied(undefined), tallied(undefined, true), tallied(true, false, true)]).toEqual([
    undefined,
    true,
    false,
  ]);
});
