import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { makeFolder, makeTemporaryFolder } from '../../src/core/atomic-file.ts';
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
