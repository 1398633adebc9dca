import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import type { writePluginTemplate } from '../../src/setup/plugin-template.ts';
import { PLUGIN_TEMPLATES } from '../../src/setup/plugin-template.ts';
import { built } from '../support/built.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
let write: typeof writePluginTemplate;

beforeAll(async () => {
  // Examples lie beside the built package.
  ({ writePluginTemplate: write } = await built<{ writePluginTemplate: typeof writePluginTemplate }>(
    'setup/plugin-template.js',
  ));
});

test.each(Object.keys(PLUGIN_TEMPLATES) as (keyof typeof PLUGIN_TEMPLATES)[])(
  'the template of a plug-in of kind %s is its example',
  async (kind) => {
    const file = join(folder, `${kind}.js`);
    await write(kind, file);
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(`examples/${PLUGIN_TEMPLATES[kind].file}`, 'utf8'));
  },
);

test('an existing file is never overwritten', async () => {
  const file = join(folder, 'mine.js');
  writeFileSync(file, 'mine');
  await expect(write('mutator', file)).rejects.toThrow('mine.js already exists');
  await expect(write('mutator', join(folder, 'none', 'x.js'))).rejects.toThrow('cannot write the plug-in');
});
