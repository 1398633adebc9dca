import { expect, test } from '@jest/globals';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

test('a campaign repeats no line of information within a second, and in text each line is a sentence for people', async () => {
  const campaign = [
    'fuzz',
    '-c',
    'corpora/nan-digits/campaign.yaml',
    '-s',
    '1',
    '-n',
    '4000',
    '--exit-zero',
    '--gradients',
    'off',
  ];
  const json = await neurofuzz([...campaign, '--log-format', 'json', '-o', `${folder}/json`]);
  const lines = json.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number; time: string; msg: string });
  const lastAt = new Map<string, number>();
  for (const { level, time, msg } of lines) {
    expect(level).toBeLessThanOrEqual(40);
    if (level !== 30) continue;
    // A line that repeats has other numbers.
    const kind = msg.replace(/[\d.,]+/g, '#');
    const at = Date.parse(time);
    expect([msg, at - (lastAt.get(kind) ?? 0) >= 1000]).toEqual([msg, true]);
    lastAt.set(kind, at);
  }
  const text = await neurofuzz([...campaign, '-o', `${folder}/text`]);
  const said = text.stderr.trim().split('\n');
  for (const line of said) expect(line).toMatch(/^\d\d:\d\d:\d\d {2}(?:warning: )?\p{L}.*[^{}]$/u);
  expect(said[1]).toMatch(
    /^\S+ {2}Model: corpora\/nan-digits\/nan-digits\.onnx \(ONNX\), runtime: ONNX Runtime [\d.]+ on CPU$/,
  );
  // No code of a terminal, which this is not.
  expect(text.stderr + text.stdout).not.toContain('\u001b');
  expect(text.stdout).toMatch(/^numerical sites: \d failed, 0 proven safe, \d not reached$/m);
  expect(text.stdout).toMatch(/^ {2}exp: largest operand [\d.]+, overflows at 88\.7$/m);
});
