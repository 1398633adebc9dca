import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { pageCommands, pageFiles, withoutMeasurements } from '../../../bench/docs/page-commands.ts';
import { EXCEPTIONS, limited, shortened } from '../../../bench/docs/plan.ts';

describe('the commands of a page', () => {
  test('are lines of blocks without comments and continuations, with their line', () => {
    const page = [
      '# Page',
      '',
      '```sh',
      'neurofuzz fuzz m.onnx \\',
      "  --objective 'assert:x # y'   # a comment",
      '```',
      '```js',
      'neurofuzz nothing here',
      '```',
    ].join('\n');
    expect(pageCommands(page)).toEqual([
      { line: 4, text: "neurofuzz fuzz m.onnx --objective 'assert:x # y'", output: undefined },
    ]);
  });

  test('have the output that follows their prompt', () => {
    const page = '```\n$ npx neurofuzz a\none\n\n  two\n$ npx neurofuzz b\n```\n';
    expect(pageCommands(page)).toEqual([
      { line: 2, text: 'npx neurofuzz a', output: ['one', '  two'] },
      { line: 6, text: 'npx neurofuzz b', output: [] },
    ]);
  });

  test('leave out folders and output in blocks without prompts', () => {
    expect(pageCommands('```\nneurofuzz-out/model/\n  corpus/\n```\n')).toEqual([]);
  });
});

test('files of a page are YAML blocks that begin with their name', () => {
  const page = '```yaml\n# nightly.yaml; relative\ntime: 8h\n```\n```yaml\nother: 1\n```\n';
  expect(pageFiles(page)).toEqual([{ name: 'nightly.yaml', text: '# nightly.yaml; relative\ntime: 8h\n' }]);
  expect(shortened('time: 8h\na:\n    minExecs: 100000\n')).toBe('time: 40s\na:\n    minExecs: 10\n');
});

test('measured figures do not count, others do', () => {
  const line = (seconds: string, mutants: string): string =>
    withoutMeasurements(`${mutants} mutants in ${seconds} s (2,034 a second), 3 MB`);
  expect(line('4.8', '9,664')).toBe(line('12', '9,664'));
  expect(line('4.8', '9,664')).not.toBe(line('4.8', '9,665'));
});

test('a campaign without a small limit gets one, others stay as they are', () => {
  const of = (text: string): string => limited({ line: 1, text, output: undefined });
  expect(of('neurofuzz fuzz m.onnx --time 60s')).toMatch(/ --overwrite --execs \d+$/);
  expect(of('neurofuzz fuzz m.onnx --until-finding')).toBe(
    'neurofuzz fuzz m.onnx --until-finding --overwrite',
  );
  expect(of('neurofuzz fuzz --resume --out a')).toMatch(/^neurofuzz fuzz --resume --out a --execs \d+$/);
  expect(of('neurofuzz triage a')).toBe('neurofuzz triage a');
});

test('every exception fits a command of a page', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').map((name) => join('docs', name))];
  const commands = pages
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) => pageCommands(readFileSync(page, 'utf8')));
  expect(commands.length).toBeGreaterThan(50);
  const unused = EXCEPTIONS.filter(({ pattern }) => !commands.some(({ text }) => pattern.test(text)));
  expect(unused).toEqual([]);
});
