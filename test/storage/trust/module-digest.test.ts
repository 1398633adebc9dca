import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { moduleDigest } from '../../../src/storage/trust/module-digest.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
let count = 0;

function moduleOf(text: string): string {
  const own = join(folder, String(count++));
  mkdirSync(own);
  writeFileSync(join(own, 'own.js'), text);
  return join(own, 'own.js');
}

test('follows from the text of a module that runs no other code', async () => {
  const text =
    "import { readFileSync } from 'fs';\nimport * as tools from \"neurofuzz\";\nimport 'node:path';\nexport default {};\n";
  const digest = await moduleDigest(moduleOf(text));
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(await moduleDigest(moduleOf(text))).toBe(digest);
  expect(await moduleDigest(moduleOf(`${text} `))).not.toBe(digest);
});

test.each([
  ["import helper from 'helper';"],
  ["import './part.js';"],
  ["import './part.js?v=2';"],
  ["import/**/'./part.js';"],
  ["import { x } from /* here */ './part.js';"],
  ["export * from '#internal';"],
  ["export { x } from './part.js';"],
  ["import('node:fs')"],
  ['import(name)'],
  [`import(\`./\${name}.js\`)`],
  ["import fs from 'node:fs'; await import('./' + 'part' + '.js')"],
  ["import 'n\\u006fde:fs'"],
  ["const helper = require('./part.js');"],
  ["import { createRequire } from 'node:module';\nconst load = createRequire('/');"],
  ["new URL('./part.js', import.meta.url)"],
])('is none where code of other files may be run: %s', async (text) => {
  expect(await moduleDigest(moduleOf(text))).toBeUndefined();
});

test('is none of a module that is not there', async () => {
  expect(await moduleDigest(join(folder, 'absent.js'))).toBeUndefined();
});
