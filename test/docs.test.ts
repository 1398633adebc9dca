import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { neurofuzz } from './support/command.ts';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'ARCHITECTURE.md',
  'GLOSSARY.md',
  'SECURITY.md',
  'bench/README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** A heading's anchor as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsIn(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));
}

describe('the pages', () => {
  test.each(pages)('%s links to what is there', (page) => {
    const text = readFileSync(page, 'utf8');
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path, anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      expect([link, existsSync(target)]).toEqual([link, true]);
      if (anchor !== undefined)
        expect([link, anchorsIn(target)]).toEqual([link, expect.arrayContaining([anchor])]);
    }
  });

  test.each(pages)('%s names files that are there', (page) => {
    const text = readFileSync(page, 'utf8');
    const named = [
      ...text.matchAll(/`((?:src|test|bench|examples|schema|docs|scripts|corpora|bin)\/[\w./-]+)`/g),
    ].map(([, path]) => path);
    const isCache = (path: string): boolean => path.startsWith('bench/.cache/');
    expect(named.filter((path) => !existsSync(path) && !isCache(path))).toEqual([]);
  });

  test('ARCHITECTURE.md names files of src/ that are there', () => {
    const text = readFileSync('ARCHITECTURE.md', 'utf8');
    const named = [...text.matchAll(/`([a-z-]+\/[a-z/-]+\.tsx?)`/g)].map(([, path]) => path);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !existsSync(join('src', path)) && !existsSync(path))).toEqual([]);
  });

  test('every command has a page, and every flag that a page gives to one is known to it', async () => {
    const { stdout } = await neurofuzz(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) (?:\[options\]|<|\[)/gm)].map(([, name]) => name);
    expect(commands.length).toBeGreaterThanOrEqual(14);
    const index = readFileSync('docs/README.md', 'utf8');
    const help = new Map<string, string>();
    for (const name of commands) {
      if (name === 'help') continue;
      expect(index).toMatch(new RegExp(`\`${name}[\` ]`));
      help.set(name, (await neurofuzz([name, name === 'fuzz' ? '--help-all' : '--help'])).stdout);
    }
    for (const page of pages) {
      const blocks = [...readFileSync(page, 'utf8').matchAll(/```(?:sh)?\n([\s\S]*?)```/g)].map(
        ([, text]) => text,
      );
      const lines = blocks
        .flatMap((text) => text.replaceAll('\\\n', ' ').split('\n'))
        .map((line) => line.replace(/ #.*$/, ''));
      for (const [, name, rest] of lines.flatMap((line) => [
        ...line.matchAll(/neurofuzz ([a-z]+) ([^|>&]*)/g),
      ])) {
        const known = help.get(name);
        if (known === undefined) continue;
        for (const [flag] of rest.matchAll(/(?<=\s)--[a-z][a-z0-9-]*/g))
          expect([page, name, flag, new RegExp(`${flag}(?![\\w-])`).test(known)]).toEqual([
            page,
            name,
            flag,
            true,
          ]);
      }
    }
  });
});
