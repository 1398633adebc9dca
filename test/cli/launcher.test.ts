import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from '@jest/globals';
import { launcher } from '../../src/cli/launcher.ts';
import { hasControl } from '../../src/core/escape-control.ts';
import { quote } from '../../src/core/shell-quote.ts';

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
