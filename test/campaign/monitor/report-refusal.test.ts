import { expect, test } from '@jest/globals';
import { reportRefusal } from '../../../src/campaign/monitor/report-refusal.ts';
import { StatisticsCollector } from '../../../src/campaign/monitor/statistics.ts';
import type { AscentAccount } from '../../../src/fuzzer/search/search-goal.ts';
import { NoGradientError } from '../../../src/model/gradients/gradient.ts';

const NONE = { forwards: 0, gradients: 0, runs: 0, gradientSeconds: 0, seconds: 0 };

function lines(accounts: readonly AscentAccount[]): string[] {
  const written: string[] = [];
  const monitor = {
    info: (text: string) => void written.push(text),
    warn: (text: string) => void written.push(`warning: ${text}`),
  };
  const collector = new StatisticsCollector();
  for (const ascent of accounts) if (collector.recordAscent(ascent)) reportRefusal(monitor, ascent);
  return written;
}

test('the log says once which operation stops the gradient', () => {
  const { message: refusal } = new NoGradientError('y', ['Det (/Det)']);
  const ascent = { ...NONE, refusal };
  expect(lines([NONE, ascent, ascent])).toEqual([
    'no gradient through Det (/Det): the search for this goal mutates without it',
  ]);
});

test('a gradient that ends its process is a warning', () => {
  expect(lines([{ ...NONE, refusal: 'computing a gradient makes the worker hang', isDeadly: true }])).toEqual(
    [
      'warning: computing a gradient makes the worker hang: no mutant is to blame; the search continues without gradients, as with --gradients off',
    ],
  );
});
