import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findIdioms } from './find-idioms.ts';
import { IDIOMS } from './idioms.ts';
import { markdownProse } from './markdown-prose.ts';
import { messageStrings } from './message-strings.ts';

// A list of our own instead of a library's: write-good and alex find passives, weasel words and slurs, and rules for
// textlint are written for other projects' words. None knows these idioms, nor the terms of GLOSSARY.md.

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'GLOSSARY.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'bench/README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const sources = (readdirSync('src', { recursive: true }) as string[])
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => join('src', name));

test.each(IDIOMS)('an idiom is seen: $pattern', (idiom) => {
  const [wrong, right] = idiom.example;
  expect(findIdioms(wrong, [idiom])).toHaveLength(1);
  expect(findIdioms(right, IDIOMS)).toEqual([]);
});

test('code, addresses and comments of a page are not prose, and lines keep their numbers', () => {
  const page =
    '# Title\n\n```sh\nmend it\n```\n\n`mend` [a](mend it.md)\nGo\non, <!-- mend -->.\n\nMend it.\n';
  expect(findIdioms(markdownProse(page.replace('mend it.md', 'mend.md')), IDIOMS)).toEqual([
    { line: 8, words: 'Go on', instead: 'continue, resume' },
    { line: 11, words: 'Mend', instead: 'fix, repair' },
  ]);
});

test('the strings of a file are literals, templates and texts of elements, with their lines', () => {
  const source = [
    '/** mend it */',
    "const a = 'é mend it';",
    'const b = `mend $' + '{a} or $' + '{`go on`}`;',
    'const c = <p>',
    ' mend it',
    "</p>; const d = 'mend';",
  ].join('\n');
  expect(messageStrings(source, true)).toEqual([
    { line: 2, text: 'é mend it' },
    { line: 3, text: 'mend {} or {}' },
    { line: 3, text: 'go on' },
    { line: 4, text: '\n mend it\n' },
  ]);
});

const report = (path: string, text: string, firstLine = 1): string[] =>
  findIdioms(text, IDIOMS, firstLine).map(
    ({ line, words, instead }) => `${path}:${line}: "${words}": write ${instead}`,
  );

test('no page has an idiom', () => {
  const found = pages.flatMap((path) => report(path, markdownProse(readFileSync(path, 'utf8'))));
  expect(found).toEqual([]);
});

test('no message in src has an idiom', () => {
  const found = sources.flatMap((path) =>
    messageStrings(readFileSync(path, 'utf8'), path.endsWith('x')).flatMap(({ line, text }) =>
      report(path, text, line),
    ),
  );
  expect(found).toEqual([]);
});
