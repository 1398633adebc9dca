/** The example project of docs/testing.md, as a user has it: CommonJS, Jest without flags, the package in node_modules. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { HANGS } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

test(
  'its tests pass',
  async () => {
    const project = join(folder, 'examples', 'testing');
    cpSync('examples/testing', project, {
      recursive: true,
      filter: (path) => !path.includes('neurofuzz-out'),
    });
    cpSync('corpora/broken-loss', join(folder, 'corpora', 'broken-loss'), { recursive: true });
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(resolve('.'), join(project, 'node_modules', 'neurofuzz'));
    const result = join(folder, 'result.json');
    const jest = [resolve('node_modules/jest/bin/jest.js'), '--json', '--outputFile', result];
    const env = { ...process.env, NODE_OPTIONS: '' };
    await promisify(execFile)(process.execPath, jest, { cwd: project, env }).catch(() => {});
    const { numPassedTests, testResults } = JSON.parse(readFileSync(result, 'utf8'));
    expect(testResults.map(({ message }: { message: string }) => message)).toEqual(['']);
    expect(numPassedTests).toBe(2);
  },
  HANGS,
);
