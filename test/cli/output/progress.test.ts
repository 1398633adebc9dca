import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { progressLine, progressScreen, showProgress } from '../../../src/cli/output/progress.ts';
import { writeAbove } from '../../../src/cli/output/write-above.ts';
import type { Progress } from '../../../src/core/progress.ts';

const progress: Progress = {
  label: 'minimizing',
  done: 3,
  total: 12,
  unit: 'finding',
  inner: {
    label: 'nonfinite-inf-log',
    done: 4321,
    total: 20_000,
    isUpperBound: true,
    unit: 'run',
  },
};

test('a line of the log has every level with what is left of it', () => {
  expect(progressLine(progress, [230, 12])).toBe(
    'minimizing: 3 of 12 findings, remaining 4 min; nonfinite-inf-log: 4,321 of at most 20,000 runs, remaining at most 12 s',
  );
  expect(progressLine({ ...progress, inner: undefined }, [undefined])).toBe('minimizing: 3 of 12 findings');
});

test('a terminal of any width has a line for each level, without words cut', () => {
  const screen = (columns: number): string[] =>
    stripVTControlCharacters(progressScreen(progress, [230, 12], columns)).split('\n');
  expect(screen(100)).toEqual([
    '  minimizing  ████░░░░░░░░░░░░  3 of 12 findings, remaining 4 min',
    '    nonfinite-inf-log  ███░░░░░░░░░░░░░  4,321 of at most 20,000 runs, remaining at most 12 s',
  ]);
  expect(screen(60)).toEqual([
    '  minimizing  3 of 12 findings, remaining 4 min',
    '    nonfinite-inf-log  4,321 of 20,000, remaining 12 s',
  ]);
  expect(screen(40)).toEqual([
    '  minimizing  3 of 12, remaining 4 min',
    '    nonfinite-inf-log  4,321 of 20,000',
  ]);
  for (const columns of [100, 60, 40])
    for (const line of screen(columns)) expect(line.length).toBeLessThanOrEqual(columns);
});

test('what is printed meanwhile stands above the progress, which is taken away at the end', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 60, rows: 24 });
  const display = showProgress({}, stream);
  display.update(progress);
  writeAbove(() => stream.write('nonfinite-inf-log  19 values\n'));
  display.finish();
  const written = String(stream.read());
  const [before, after] = written.split('nonfinite-inf-log  19 values\n');
  expect(stripVTControlCharacters(before)).toMatch(/minimizing .* 3 of 12 findings/);
  expect(stripVTControlCharacters(after)).toMatch(/minimizing .* 3 of 12 findings/);
  // In the end both lines are erased.
  expect(after.split('\u001b[2K').length).toBeGreaterThan(2);
  display.update(progress);
  expect(stream.read()).toBeNull();
});

test('with --quiet there is none', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 60, rows: 24 });
  const display = showProgress({ quiet: true }, stream);
  display.update(progress);
  display.finish();
  expect(stream.read()).toBeNull();
});
