import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { convert } from 'xmlbuilder2';
import { junitXml } from '../../src/report/junit.ts';
import { findingFolders } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const campaign = join(folder, 'loss');
/** As a team keeps findings in its repository: with the campaign's file above them. */
const kept = join(folder, 'kept');
const REPAIRED = resolve('corpora/broken-loss/repaired.onnx');

beforeAll(async () => {
  const flags = ['-n', '3000', '-s', '1', '--keep', '2', '--quiet'];
  await neurofuzz(['fuzz', '-c', 'corpora/broken-loss/campaign.yaml', ...flags, '-o', campaign]);
  mkdirSync(kept);
  for (const name of ['campaign.yaml', 'findings'])
    cpSync(join(campaign, name), join(kept, name), { recursive: true });
});

const replay = (...args: string[]) => neurofuzz(['replay', kept, ...args]);

test('findings that are fixed in the next release are marked, and are regressions when they break again', async () => {
  const known = await replay('--regression', '--junit', join(folder, 'known.xml'));
  expect(known.code).toBe(0);
  expect(known.stdout).toMatch(/^still broken 10\/10 /m);
  // An assertion has no usual repair.
  expect(known.stdout.match(/Usual repair: Compute LogSoftmax of the logits/g)).toBeNull();
  expect(readFileSync(join(folder, 'known.xml'), 'utf8')).toMatch(/<skipped>known: /);

  const next = await replay('--model', REPAIRED, '--mark-fixed', '--regression');
  expect(next.code).toBe(0);
  expect(
    next.stdout
      .trim()
      .split('\n')
      .every((line) => line.startsWith('fixed')),
  ).toBe(true);
  for (const finding of findingFolders(kept)) expect(existsSync(join(finding, 'fixed.json'))).toBe(true);

  const back = await replay('--regression', '--json', '--junit', join(folder, 'back.xml'));
  expect(back.code).toBe(1);
  const { regressed, findings } = JSON.parse(back.stdout);
  expect(regressed).toBe(findings.length);
  const { testsuites } = convert(readFileSync(join(folder, 'back.xml'), 'utf8'), {
    format: 'object',
  }) as unknown as {
    readonly testsuites: { readonly '@failures': string; readonly '@tests': string };
  };
  expect(testsuites['@failures']).toBe(String(findings.length));
  expect((await replay('--model', REPAIRED, '--regression')).code).toBe(0);
});

describe('a finding that cannot be run', () => {
  test('says why, and the others go on', async () => {
    const [first] = findingFolders(kept);
    const other = join(kept, 'findings', 'assert-learns', '0000000000000000');
    cpSync(first, other, { recursive: true });
    writeFileSync(join(other, 'input.npz'), 'no archive');
    const { code, stdout } = await replay('--junit', join(folder, 'mixed.xml'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^cannot run +0\/0 +assert-learns .*0000000000000000 +\(.*input.npz/m);
    expect(stdout).toMatch(/^still broken/m);
    expect(readFileSync(join(folder, 'mixed.xml'), 'utf8')).toMatch(/<error message=".*input.npz/);
  });

  test('is refused where it is the only one, and so is another model that takes other inputs', async () => {
    const alone = join(kept, 'findings', 'assert-learns', '0000000000000000');
    expect(await neurofuzz(['replay', alone])).toMatchObject({ code: 2, stdout: '' });
    rmSync(alone, { recursive: true });
    const other = await replay('--model', 'corpora/nan-digits/nan-digits.onnx');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringMatching(/takes other inputs/) });
  });
});

test('JUnit holds any text: what would act or hide, or is no XML, is written out', () => {
  const nasty = 'a <b> & "c" \u0000\u001b[31m\u202e ]]> \uD800';
  const xml = junitXml(nasty, [
    { group: nasty, name: nasty, outcome: { kind: 'failed', message: nasty, details: `${nasty}\nline` } },
    { group: 'x', name: 'y', outcome: { kind: 'passed' }, seconds: 1.5 },
  ]);
  expect(xml.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  const { testsuites } = convert(xml, { format: 'object' }) as unknown as {
    readonly testsuites: {
      readonly testsuite: { readonly testcase: readonly { readonly '@name': string }[] };
    };
  };
  expect(testsuites.testsuite.testcase.map((one) => one['@name'])).toEqual([
    'a &lt;b&gt; &amp; &quot;c&quot; \\u{0}\\u{1B}[31m\\u{202E} ]]&gt; \\u{D800}',
    'y',
  ]);
});
