import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { maxUnpackedBytes, readBounded, readText } from '../../src/core/read-bounded.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

test('a file is read whole, and text as UTF-8', () => {
  const path = join(folder, 'text');
  writeFileSync(path, '\uFEFFgrün');
  expect(readBounded(path, 'read', 100)).toHaveLength(8);
  expect(readText(path, 'read', 100)).toBe('grün');
  writeFileSync(path, Uint8Array.of(0xff, 0xfe, 0));
  expect(() => readText(path, 'read the labels', 100)).toThrow(
    `cannot read the labels ${path}: it is not UTF-8 text`,
  );
});

test('what is no file is refused and not waited for', () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  mkdirSync(join(folder, 'folder'));
  symlinkSync('loop', join(folder, 'loop'));
  const refusals: [string, string][] = [
    [pipe, 'it is a pipe, not a file'],
    ['/dev/zero', 'it is a device, not a file'],
    [join(folder, 'folder'), 'it is a folder, not a file'],
    [join(folder, 'loop'), 'too many symbolic links'],
    [join(folder, 'none'), 'no such file or folder'],
    [join(folder, 'x'.repeat(300)), 'the name is too long'],
    [join(folder, 'text', 'x'), 'a part of the path is a file, not a folder'],
  ];
  for (const [path, why] of refusals)
    expect(() => readBounded(path, 'read the seeds', 100)).toThrow(`cannot read the seeds ${path}: ${why}`);
});

test('a file that is too large is refused before it is read', () => {
  const path = join(folder, 'large');
  writeFileSync(path, '');
  truncateSync(path, 1e12);
  expect(() => readBounded(path, 'read', 2e6)).toThrow(
    'it has 1000000.0 MB, and the limit for such a file is 2.0 MB',
  );
});

test('a packed file may unpack to a multiple of its size, a small one to 256 MB', () => {
  expect([0, 1e6, 1e8].map(maxUnpackedBytes)).toEqual([256e6, 256e6, 1e10]);
});
