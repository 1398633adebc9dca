import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { launcher } from '../../src/cli/launcher.ts';
import { hasControl } from '../../src/core/escape-control.ts';
import { quote } from '../../src/core/shell-quote.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

test.each(['model.onnx', "it's here", 'a b', "\u001b[31m\n\u202e'\\ü"])(
  'the shell reads %j as it was, and its quoted form can be printed',
  (word) => {
    const quoted = quote(word);
    expect(hasControl(quoted)).toBe(false);
    expect(execFileSync('bash', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' })).toBe(word);
  },
);

const { argv, env } = process;
const { npm_command } = env;

afterEach(() => {
  process.argv = argv;
  if (npm_command === undefined) delete process.env.npm_command;
  else process.env.npm_command = npm_command;
});

test.each([
  ['/project/node_modules/.bin/neurofuzz', 'exec', 'npx neurofuzz'],
  ['/usr/local/bin/neurofuzz', undefined, 'neurofuzz'],
  // A script of package.json, and the path typed: the name alone is on the PATH of npm's scripts only.
  ['/project/node_modules/.bin/neurofuzz', 'run-script', 'npx neurofuzz'],
  ['/project/node_modules/.bin/neurofuzz', undefined, 'npx neurofuzz'],
  [
    "/home/it's me/.npm/_npx/0a1b/node_modules/.bin/neurofuzz",
    'exec',
    `'/home/it'\\''s me/.npm/_npx/0a1b/node_modules/.bin/neurofuzz'`,
  ],
])('the command of %s, started by npm %s, is %s', (script, command, expected) => {
  process.argv = ['node', script];
  if (command === undefined) delete process.env.npm_command;
  else process.env.npm_command = command;
  expect(launcher()).toBe(expected);
});

test('the command of a checkout, which npx only links into its cache, is npx', () => {
  const [checkout, cache] = ['checkout', '_npx/0a1b/node_modules/.bin'].map((name) => join(folder, name));
  for (const path of [checkout, cache]) mkdirSync(path, { recursive: true });
  writeFileSync(join(checkout, 'neurofuzz.js'), '');
  symlinkSync(join(checkout, 'neurofuzz.js'), join(cache, 'neurofuzz'));
  process.argv = ['node', join(cache, 'neurofuzz')];
  process.env.npm_command = 'exec';
  expect(launcher()).toBe('npx neurofuzz');
});

test('npx itself in a checkout: the line that is printed is one to paste', () => {
  const printed = execFileSync(
    'npx',
    ['neurofuzz', 'init', 'corpora/nan-digits/nan-digits.onnx', '-o', join(folder, 'campaign.yaml')],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  expect(printed).toContain('npx neurofuzz');
});
