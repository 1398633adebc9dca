import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { UserError } from '../../src/core/errors.ts';
import { allowPlugins, requireAllowedPlugin } from '../../src/extensions/allowed-plugins.ts';
import { importPlugin } from '../../src/extensions/plugin-loader.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const own = join(folder, 'own.js');
const other = join(folder, 'other.js');
writeFileSync(own, '');
writeFileSync(other, '');

afterEach(() => allowPlugins(undefined));

test('any plug-in is allowed unless there is a list', () => {
  expect(() => requireAllowedPlugin(other)).not.toThrow();
});

test('of a list, those in it are allowed, by whatever path they are reached', () => {
  allowPlugins([own]);
  mkdirSync(join(folder, 'linked'));
  symlinkSync(own, join(folder, 'linked', 'alias.js'));
  for (const path of [own, join(folder, 'linked', '..', 'own.js'), join(folder, 'linked', 'alias.js')])
    expect(() => requireAllowedPlugin(path)).not.toThrow();
  expect(() => requireAllowedPlugin(other)).toThrow(UserError);
  expect(() => requireAllowedPlugin(other)).toThrow(/other\.js.*--trust/);
});

test('an empty list allows none', () => {
  allowPlugins([]);
  expect(() => requireAllowedPlugin(own)).toThrow(UserError);
});

test('the loader runs nothing of a module that is not allowed', async () => {
  const mark = join(folder, 'loaded');
  writeFileSync(
    other,
    `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(mark)}, ''); export default {};`,
  );
  allowPlugins([own]);
  await expect(importPlugin('--objective', other)).rejects.toThrow(UserError);
  expect(existsSync(mark)).toBe(false);
});
