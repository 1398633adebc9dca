import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

/** Mounts a small file system; false where this machine does not let us. */
function mountSmall(path: string): boolean {
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const disk = join(folder, 'disk');
const onSmallDisk = mountSmall(disk) ? test : test.skip;

onSmallDisk('a full disk exits with 3, names the folder, and what was kept loads', async () => {
  try {
    const out = join(disk, 'out');
    const { code, stderr } = await neurofuzz([
      'fuzz',
      '-c',
      'corpora/nan-digits/campaign.yaml',
      '-s',
      '1',
      '-n',
      '400000',
      '-o',
      out,
      '--quiet',
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^neurofuzz: cannot write to the campaign folder \S+disk\/out: the disk is full; [^\n]+\n$/,
    );
    const whole = readdirSync(join(out, 'corpus')).filter(
      (name) => name.endsWith('.npz') && !name.startsWith('.'),
    );
    expect(whole.length).toBeGreaterThan(10);
    for (const name of whole) expect(decodeNpz(readFileSync(join(out, 'corpus', name)), name).size).toBe(2);
  } finally {
    execFileSync('umount', [disk]);
  }
});
