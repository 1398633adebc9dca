import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';

/** The folders of src/ from the bottom up: a file imports from its own folder or from a level below, never from a folder beside it. */
const LEVELS: readonly (readonly string[])[] = [
  ['core'],
  ['extensions'],
  ['config', 'tensor'],
  ['model'],
  ['analysis', 'expression'],
  ['inputs'],
  ['constraints', 'saliency'],
  ['mutators', 'coverage', 'objectives', 'schedulers'],
  ['evaluation'],
  ['attacks'],
  ['audit'],
  ['latent'],
  ['fuzzer'],
  ['tournament'],
  ['reprogram'],
  ['storage'],
  ['workers'],
  ['campaign'],
  ['setup', 'triage'],
  ['model-commands', 'corpus-minimizer'],
  ['report', 'distributed'],
  ['nightly'],
  ['view'],
  ['cli'],
  ['testing'],
];

const files = (readdirSync('src', { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name));

function importsOf(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
    normalize(join(dirname(file), path)),
  );
}

const folderOf = (file: string): string => (file.includes('/') ? file.split('/')[0] : '');
const levelOf = (file: string): number => LEVELS.findIndex((folders) => folders.includes(folderOf(file)));

test('imports run one way: down, and not between folders of one level', () => {
  // index.ts is the package's door: it only hands on what plug-ins need.
  const wrong = files
    .filter((file) => file !== 'index.ts')
    .flatMap((file) =>
      importsOf(file)
        .filter((other) => folderOf(other) !== folderOf(file) && folderOf(other) !== '')
        .filter((other) => levelOf(other) >= levelOf(file))
        .map((other) => `${file} imports ${other}`),
    );
  expect(wrong).toEqual([]);
  expect(files.filter((file) => folderOf(file) !== '' && levelOf(file) < 0)).toEqual([]);
});

test('no file imports itself by way of others', () => {
  const below = new Map(files.map((file) => [file, importsOf(file)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || done.has(file)) return;
    for (const other of below.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test('src/fuzzer imports nothing of node: but node:crypto', () => {
  const imports = files
    .filter((file) => file.startsWith('fuzzer/'))
    .flatMap((file) =>
      [...readFileSync(join('src', file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(node:[^']+)'/g)].map(
        ([, name]) => `${file} imports ${name}`,
      ),
    );
  expect(imports.filter((line) => !line.endsWith(' imports node:crypto'))).toEqual([]);
});

/** Files that a file imports for their values, itself included, directly or by way of others. */
function valueImportsOf(file: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(join('src', file), 'utf8').replace(/^(?:import|export) type [^;]*;/gm, '');
  for (const [, path] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g))
    valueImportsOf(normalize(join(dirname(file), path)), seen);
  return seen;
}

test('the check of findings against a threat model shares no code with the search', () => {
  const files = [...valueImportsOf(join('campaign', 'obeys.ts'))];
  expect(files).toContain(join('campaign', 'threat-model', 'clauses.ts'));
  const search = ['mutators', 'constraints', 'coverage', 'schedulers', 'evaluation', 'fuzzer'];
  expect(files.filter((file) => search.includes(folderOf(file)))).toEqual([]);
});

test('ONNX Runtime gets a model in one place alone, which checks that its bytes refer to no file', () => {
  const opening = files.filter((file) =>
    readFileSync(join('src', file), 'utf8').includes('InferenceSession.create'),
  );
  expect(opening).toEqual([join('model', 'formats', 'onnx', 'loader.ts')]);
});

test('what commands print goes through one file, which escapes names', () => {
  const printing = files.filter((file) =>
    /console\.|process\.std(?:out|err)\.write/.test(readFileSync(join('src', file), 'utf8')),
  );
  expect(printing).toEqual([join('cli', 'output', 'terminal.ts')]);
});

/** Folders that are flat lists of mutators, one a file. */
const FLAT_LISTS = /^mutators\/[a-z]+$/;

test('no folder holds more than 25 files but the flat lists of mutators', () => {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  expect([...counts].filter(([folder, count]) => count > 25 && !FLAT_LISTS.test(folder))).toEqual([]);
});

/** Names that say nothing about the thing they are bound to. */
const VAGUE = 'one|what|told|made|own|theirs';
const VAGUE_BINDING = new RegExp(
  `(?:\\b(?:const|let|function) |[({[,] ?|^\\s*|\\.\\.\\.)(?:${VAGUE})(?=\\?? ?[,)}\\]]|\\??: | =[^=]| of )`,
);

/** A line without comment, text and keys of events, which are data. */
function codeOf(line: string): string {
  if (/^\s*(?:\/?\*|\/\/)/.test(line) || line.includes('appendEvent(')) return '';
  return line.replace(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''").replace(/ \/\/ .*/, '');
}

test.each([
  'function far(one: number, other: number)',
  '  what: string,',
  'entries.map(([one, b]) => b)',
  'list.map(({ what }) => what)',
  'const { a, made } = x',
  'for (const own of entries) {',
])('a vague name is seen in %s', (line) => {
  expect(VAGUE_BINDING.test(codeOf(line))).toBe(true);
});

test('no variable has a name that says nothing: one, what, told, made, own, theirs', () => {
  const found = files.flatMap((file) =>
    readFileSync(join('src', file), 'utf8')
      .split('\n')
      .filter((line) => VAGUE_BINDING.test(codeOf(line)))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

/** Files of the folders that every file must have a test in, without one at the same path. */
const TESTED = ['fuzzer', 'coverage', 'workers'];

test.each(TESTED)(
  'every file of %s has a test at its path, or a reason in the README of its tests',
  (folder) => {
    const reasons = readFileSync(join('test', folder, 'README.md'), 'utf8');
    const untested = files
      .filter((file) => folderOf(file) === folder)
      .filter((file) => !existsSync(join('test', file.replace(/\.tsx?$/, '.test.ts'))));
    const unexplained = untested.filter((file) => !reasons.includes(`\`${file.slice(folder.length + 1)}\``));
    expect(unexplained).toEqual([]);
  },
);
