import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { moduleDigest } from '../../../src/storage/trust/module-digest.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
let count = 0;

/** A module with a file beside it. */
function moduleOf(text: string, beside = ''): string {
  const own = join(folder, String(count++));
  mkdirSync(own);
  writeFileSync(join(own, 'own.js'), text);
  writeFileSync(join(own, 'part.js'), beside);
  return join(own, 'own.js');
}

test('changes with the module, and with what it imports by a relative path', async () => {
  const importing =
    "import { x } from './part.js'; import { readFileSync } from 'fs'; export default { name: x };";
  const digests = [
    await moduleDigest(moduleOf(importing, 'export const x = 1;')),
    await moduleDigest(moduleOf(importing, 'export const x = 2;')),
    await moduleDigest(moduleOf(`${importing} `, 'export const x = 1;')),
  ];
  expect(digests).not.toContain(undefined);
  expect(new Set(digests).size).toBe(3);
  expect(await moduleDigest(moduleOf(importing, 'export const x = 1;'))).toBe(digests[0]);
});

test.each([
  ["import helper from 'helper';"],
  ["export * from '#internal';"],
  ["import('helper')"],
  ['import(name)'],
  [`import(\`./\${name}.js\`)`],
  ["const helper = require('./part.js');"],
  ["import { createRequire } from 'node:module';"],
  ["new URL('./part.js', import.meta.url)"],
])('is none where code of elsewhere may be run: %s', async (text) => {
  expect(await moduleDigest(moduleOf(text))).toBeUndefined();
  expect(await moduleDigest(moduleOf("import './part.js';", text))).toBeUndefined();
});
