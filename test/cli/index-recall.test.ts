import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const DIGITS = [
  'corpora/nan-digits/nan-digits.onnx',
  '-i',
  'corpora/nan-digits/seeds.npz',
  '-m',
  'label=none',
];
const VALUES = [...DIGITS, '--measure', 'values', '--threshold', '1', '--guidance', 'ann', '--seed', '1'];

test('recall of the neighbour index stands in stats.json, the summary and the report, and resumes', async () => {
  const [whole, resumed] = [join(folder, 'whole'), join(folder, 'resumed')];
  const json = await neurofuzz(['fuzz', ...VALUES, '-n', '6000', '-o', whole, '--json', '--quiet']);
  const { coverage } = JSON.parse(json.stdout);
  const { checked, found } = coverage.indexRecall;
  expect(checked).toBeGreaterThan(20);
  expect(found).toBeGreaterThan(0.9 * checked);
  const statsOf = (out: string) => JSON.parse(readFileSync(join(out, 'stats.json'), 'utf8')).indexRecall;
  expect(statsOf(whole)).toEqual({ checked, found });

  await neurofuzz(['fuzz', ...VALUES, '-n', '3000', '-o', resumed, '--quiet']);
  const { stdout } = await neurofuzz(['fuzz', '--resume', '-n', '6000', '-o', resumed]);
  expect(statsOf(resumed)).toEqual({ checked, found });
  expect(stdout).toContain(`% (the nearest activations in ${found} of ${checked} checked searches)`);

  const page = join(folder, 'report.html');
  await neurofuzz(['report', whole, '-o', page]);
  expect(readFileSync(page, 'utf8')).toContain(`in ${found} of ${checked} checked searches).`);
});

test('exact searches have no recall', async () => {
  const args = [
    'fuzz',
    ...DIGITS,
    '--measure',
    'norm',
    '-n',
    '500',
    '-o',
    join(folder, 'exact'),
    '--json',
    '--quiet',
  ];
  const { stdout } = await neurofuzz(args);
  expect(JSON.parse(stdout).coverage).not.toHaveProperty('indexRecall');
});
