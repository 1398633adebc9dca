import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { UserError } from '../../src/core/errors.ts';
import { readManifest } from '../../src/storage/manifest-reader.ts';
import { refuseSpecialFiles } from '../../src/storage/special-files.ts';
import { findingFoldersIn, readFindings } from '../../src/triage/findings.ts';
import { testFolder } from '../support/folder.ts';

const root = testFolder();

/** A folder of a campaign's shape. */
function folderOf(name: string): string {
  const folder = join(root, name);
  mkdirSync(join(folder, 'findings', 'nonfinite-nan-log', '0123456789abcdef'), { recursive: true });
  writeFileSync(join(folder, 'campaign.yaml'), 'resolved: { inputs: [] }\n');
  symlinkSync('campaign.yaml', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'broken-link'));
  return folder;
}

describe('refuseSpecialFiles', () => {
  it('accepts files, folders and links to them, and leaves what is not there to the reader', () => {
    expect(() => refuseSpecialFiles(folderOf('sound'))).not.toThrow();
    expect(() => refuseSpecialFiles(join(root, 'none'))).not.toThrow();
  });

  it.each([
    ['a pipe', 'pipe', (path: string) => spawnSync('mkfifo', [path])],
    ['a link to a device', 'device', (path: string) => symlinkSync('/dev/zero', path)],
  ])('%s is refused before it is read', async (_, name, make) => {
    const folder = folderOf(name);
    const path = join(folder, 'findings', 'nonfinite-nan-log', '0123456789abcdef', 'finding.json');
    make(path);
    expect(() => refuseSpecialFiles(folder)).toThrow(UserError);
    expect(() => findingFoldersIn(folder)).toThrow(path);
    expect(() => [...readFindings(folder, [])]).toThrow(path);
    await expect(readManifest(folder)).rejects.toThrow(path);
  });
});
