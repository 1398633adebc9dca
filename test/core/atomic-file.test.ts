import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { makeFolder, makeTemporaryFolder, writeAtomically } from '../../src/core/atomic-file.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

test('a folder below a file is refused with the cause', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file', 'a', 'b'), 'the folder')).rejects.toMatchObject({
    name: 'UserError',
    message: `cannot create the folder ${folder}/file/a/b: a part of the path is a file, not a folder`,
  });
});

test('no place for temporary files is a failure of the machine that names TMPDIR', async () => {
  await expect(makeTemporaryFolder('copy', join(folder, 'gone'))).rejects.toMatchObject({
    name: 'MachineError',
    message: `cannot create a temporary folder in ${folder}/gone: no such file or folder; name another place with TMPDIR`,
  });
});

test('of a link the file that it leads to is replaced, and a pipe is written to', async () => {
  const file = join(folder, 'linked');
  const link = join(folder, 'link');
  writeFileSync(file, 'old');
  symlinkSync(file, link);
  await writeAtomically(link, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
  let read = '';
  reader.stdout.on('data', (chunk: Buffer) => {
    read += chunk.toString();
  });
  await Promise.all([writeAtomically(pipe, 'through'), once(reader, 'close')]);
  expect(read).toBe('through');
  expect(lstatSync(pipe).isFIFO()).toBe(true);
});
