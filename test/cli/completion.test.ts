import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { neurofuzzProcess } from '../support/command.ts';

/** What a shell is offered for the last word; `files` where it completes names of files itself. */
async function offered(...words: readonly string[]) {
  const { code, stdout } = await neurofuzzProcess(['complete', '--', ...words]);
  const lines = stdout.trim().split('\n');
  return {
    code,
    values: lines.slice(0, -1).map((line) => line.split('\t')[0]),
    files: lines.at(-1) === ':0',
  };
}

test.each([
  ['commands', ['mini'], ['minimize']],
  ['flags that --help does not show', ['fuzz', '--max-d'], ['--max-disk']],
  ['objectives', ['fuzz', '--objective', 'quant'], ['quantization']],
  ['mutators', ['fuzz', '--mutator', 'gaussian-n'], ['gaussian-noise']],
  ['presets', ['fuzz', '--preset', 'q'], ['quick']],
  ['coverage criteria', ['fuzz', '--measure', 'surp'], ['surprise', 'surprise-likelihood']],
  ['kinds of a copy', ['quantize', 'model.onnx', '--to', 'int'], ['int8']],
])('%s are completed', async (_, words, values) => {
  expect(await offered(...words)).toEqual({ code: 0, values, files: false });
});

test('files are left to the shell', async () => {
  expect(await offered('fuzz', '--seeds', '')).toEqual({ code: 0, values: [], files: true });
});

test('the script for bash can be sourced', async () => {
  const { code, stdout } = await neurofuzzProcess(['completion', 'bash']);
  expect(code).toBe(0);
  expect(spawnSync('bash', ['-n'], { input: stdout, encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(stdout).toMatch(/^complete -F \S+ neurofuzz$/m);
  // Also where the package bash-completion is missing, whose function the script calls.
  const words = 'COMP_WORDS=(neurofuzz mini); COMP_CWORD=1';
  const script = `neurofuzz() { node bin/neurofuzz.js "$@"; }\n${stdout}\n${words}; __neurofuzz_complete\necho "$COMPREPLY"`;
  expect(spawnSync('bash', ['--norc'], { input: script, encoding: 'utf8' }).stdout).toBe('minimize\n');
});
