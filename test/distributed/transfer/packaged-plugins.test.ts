import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describePlugin, findInstalledPlugin } from '../../../src/distributed/transfer/packaged-plugins.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const before = process.cwd();

/** A package with a plug-in. */
function writePackage(at: string, name: string, version: string, code = 'export default {};'): string {
  mkdirSync(join(at, 'rules'), { recursive: true });
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version, type: 'module' }));
  writeFileSync(join(at, 'rules', 'own.js'), code);
  return join(at, 'rules', 'own.js');
}

const site = join(folder, 'site');
beforeEach(() => {
  mkdirSync(join(site, 'deep'), { recursive: true });
  process.chdir(join(site, 'deep'));
});
afterEach(() => process.chdir(before));

test('a plug-in is known by its package, found where that is installed, and run only where it may be', async () => {
  const plugin = await describePlugin(writePackage(join(folder, 'home'), '@team/rules', '1.2.0'));
  expect(plugin).toMatchObject({ package: '@team/rules', version: '1.2.0', file: 'rules/own.js' });
  await expect(findInstalledPlugin(plugin, ['@team/rules'])).rejects.toThrow(
    'it needs the plug-in package @team/rules 1.2.0, which is not installed here: install it and start with --plugin @team/rules',
  );
  const path = writePackage(join(site, 'node_modules/@team/rules'), '@team/rules', '1.2.0');
  expect(await findInstalledPlugin(plugin, ['@team/rules'])).toBe(path);
  await expect(findInstalledPlugin(plugin, ['other'])).rejects.toThrow(/start with --plugin @team\/rules$/);
  writePackage(
    join(site, 'node_modules/@team/rules'),
    '@team/rules',
    '1.2.0',
    'export default { other: 1 };',
  );
  await expect(findInstalledPlugin(plugin, ['@team/rules'])).rejects.toThrow(/rules\/own\.js differs/);
  writePackage(join(site, 'node_modules/@team/rules'), '@team/rules', '1.3.0');
  await expect(findInstalledPlugin(plugin, ['@team/rules'])).rejects.toThrow(/but this machine has 1\.3\.0$/);
});

test('the package that a worker stands in counts as well', async () => {
  const plugin = await describePlugin(writePackage(join(folder, 'checkout-a'), 'ours', '0.0.1'));
  const path = writePackage(join(folder, 'checkout-b'), 'ours', '0.0.1');
  process.chdir(join(folder, 'checkout-b', 'rules'));
  expect(await findInstalledPlugin(plugin, ['ours'])).toBe(path);
});

test('one that lies in no package is refused', async () => {
  const path = join(folder, 'loose.js');
  writeFileSync(path, 'export default {};');
  await expect(describePlugin(path)).rejects.toThrow(/is not in a package: code is never sent/);
});
