import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';

/** The rooms from the bottom up: a file imports from its own level or below, never from a room beside it. */
const LEVELS: readonly (readonly string[])[] = [
  ['config', 'models'],
  ['inputs'],
  ['coverage', 'mutators', 'objectives'],
  ['campaign'],
  ['isolation'],
  ['fuzzer', 'triage', 'setup'],
  ['report', 'queue'],
  ['nightly'],
  ['cli'],
];

const files = (readdirSync('src', { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name));

function importsOf(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8');
  return [...text.matchAll(/from '(\.[^']+)'/g)].map(([, path]) => normalize(join(dirname(file), path)));
}

const roomOf = (file: string): string => (file.includes('/') ? file.split('/')[0] : '');
const levelOf = (file: string): number => LEVELS.findIndex((rooms) => rooms.includes(roomOf(file)));

test('imports run one way: down, and not between rooms of one level', () => {
  // index.ts is the package's door: it only hands on what plug-ins need.
  const wrong = files
    .filter((file) => file !== 'index.ts')
    .flatMap((file) =>
      importsOf(file)
        .filter((other) => roomOf(other) !== roomOf(file) && roomOf(other) !== '')
        .filter((other) => levelOf(other) >= levelOf(file))
        .map((other) => `${file} imports ${other}`),
    );
  expect(wrong).toEqual([]);
  expect(files.filter((file) => roomOf(file) !== '' && levelOf(file) < 0)).toEqual([]);
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
