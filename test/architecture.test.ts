import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';

/** The folders of src/ from the bottom up: a file imports from its own folder or from a level below, never from a folder beside it. */
const LEVELS: readonly (readonly string[])[] = [
  ['core'],
  ['extensions'],
  ['config', 'tensor'],
  ['model'],
  ['analysis'],
  ['inputs'],
  ['constraints'],
  ['mutators', 'coverage', 'objectives', 'schedulers'],
  ['evaluation'],
  ['fuzzer'],
  ['storage'],
  ['workers'],
  ['campaign', 'triage', 'setup'],
  ['model-commands', 'corpus-minimizer'],
  ['report', 'distributed'],
  ['nightly'],
  ['cli'],
];

/** Imports against the levels that the engine's split from its storage is to remove. */
const TO_BE_REMOVED = new Set([
  'fuzzer/corpus/lineage.ts imports campaign/findings/fault-registry.ts',
  'fuzzer/state.ts imports campaign/findings/fault-registry.ts',
  'fuzzer/state.ts imports campaign/monitor/site-figures.ts',
  'fuzzer/corpus/admission.ts imports storage/journal.ts',
  'fuzzer/corpus/admission.ts imports storage/campaign-store.ts',
  'fuzzer/corpus/lineage.ts imports storage/journal.ts',
  'fuzzer/corpus/corpus.ts imports storage/journal.ts',
  'fuzzer/state.ts imports storage/journal.ts',
  'fuzzer/state.ts imports storage/campaign-store.ts',
  'model/model.ts imports analysis/numerical-sites/site.ts',
  'schedulers/scheduler.ts imports fuzzer/corpus/corpus.ts',
  'schedulers/yield.ts imports fuzzer/corpus/corpus.ts',
]);

const files = (readdirSync('src', { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name));

function importsOf(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8');
  return [...text.matchAll(/from '(\.[^']+)'/g)].map(([, path]) => normalize(join(dirname(file), path)));
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
        .map((other) => `${file} imports ${other}`)
        .filter((line) => !TO_BE_REMOVED.has(line)),
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
