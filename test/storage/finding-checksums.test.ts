import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  CHECKSUM_FILE,
  checksumLines,
  damagedFiles,
  isFindingFolder,
} from '../../src/storage/finding-checksums.ts';
import { bitsOf, withFlippedBit } from '../support/damage.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const FILES = new Map<string, string | Uint8Array>([
  ['input.npz', Uint8Array.of(1, 2, 3)],
  ['finding.json', '{"id": "é"}\n'],
]);

function finding(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, content] of FILES) writeFileSync(join(path, file), content);
  writeFileSync(join(path, CHECKSUM_FILE), checksumLines(FILES));
  return path;
}

test('sha256sum takes the checksums of a finding', () => {
  const path = finding('whole');
  expect(execFileSync('sha256sum', ['-c', CHECKSUM_FILE], { cwd: path, encoding: 'utf8' })).toBe(
    'finding.json: OK\ninput.npz: OK\n',
  );
  expect(damagedFiles(path)).toEqual([]);
});

test('every flipped bit of a finding is noticed', () => {
  const path = finding('flipped');
  for (const file of [...FILES.keys(), CHECKSUM_FILE]) {
    const bytes = readFileSync(join(path, file));
    for (const at of bitsOf(bytes, 2)) {
      writeFileSync(join(path, file), withFlippedBit(bytes, at));
      const damaged = damagedFiles(path);
      if (file === CHECKSUM_FILE) expect(damaged.length).toBeGreaterThan(0);
      else expect(damaged).toEqual([file]);
    }
    writeFileSync(join(path, file), bytes);
  }
  expect(damagedFiles(path)).toEqual([]);
});

test('a file that is missing or a folder is damaged, and nothing is read outside of the folder', () => {
  const path = finding('changed');
  rmSync(join(path, 'input.npz'));
  mkdirSync(join(path, 'input.npz'));
  rmSync(join(path, 'finding.json'));
  expect(damagedFiles(path)).toEqual(['finding.json', 'input.npz']);
  expect(isFindingFolder(path)).toBe(true);
  writeFileSync(join(path, CHECKSUM_FILE), `${'0'.repeat(64)}  ../whole/finding.json\n`);
  expect(damagedFiles(path)).toEqual([CHECKSUM_FILE]);
  for (const text of ['', 'x', `${'0'.repeat(64)}  input.npz`]) {
    writeFileSync(join(path, CHECKSUM_FILE), text);
    expect(damagedFiles(path)).toContain(CHECKSUM_FILE);
  }
});

test('a finding of an older version has no checksums', () => {
  const path = finding('old');
  rmSync(join(path, CHECKSUM_FILE));
  expect(damagedFiles(path)).toEqual([]);
  rmSync(join(path, 'finding.json'));
  expect(damagedFiles(path)).toEqual(['finding.json']);
  expect(isFindingFolder(join(folder, 'nowhere'))).toBe(false);
});
