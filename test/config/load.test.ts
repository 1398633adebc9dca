import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { checkSettings, readCampaignFile } from '../../src/config/load.ts';
import { campaignSchema, flagSettings } from '../../src/config/schema.ts';
import { groupByInput, parseDuration, parseSize, size } from '../../src/config/values.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('paths in a campaign file are relative to it', async () => {
  const path = file('paths.yaml', 'model: net.onnx\nout: runs/1\nseeds: [image=digits, ../labels.npy]\n');
  const here = (...parts: string[]) => relative('.', join(folder, ...parts));
  expect(await readCampaignFile(path)).toEqual({
    model: here('net.onnx'),
    out: here('runs', '1'),
    seeds: [`image=${here('digits')}`, here('..', 'labels.npy')],
  });
});

test('JSON is a campaign file as well', async () => {
  expect(await readCampaignFile(file('campaign.json', '{"batch": 7}'))).toEqual({ batch: 7 });
});

test('a flag wins over the file, the file over the default', () => {
  expect(checkSettings({ keep: 3, batch: 64 }, { keep: 9 }, 'f')).toMatchObject({
    keep: 9,
    batch: 64,
    guidance: 'auto',
    threshold: 'auto',
  });
});

test('a wrong setting is named by its flag or by its file', () => {
  expect(() => checkSettings({}, { untilFinding: 'yes' }, undefined)).toThrow(/^--until-finding must be/);
  expect(() => checkSettings({ keep: -1 }, {}, 'c.yaml')).toThrow('c.yaml: keep must be 1 or more, not -1');
});

test('every flag belongs to a setting of the same name in camelCase', () => {
  for (const {
    name,
    meta: { flags },
  } of flagSettings()) {
    const long = /--([a-z0-9-]+)/.exec(flags)?.[1] ?? '';
    expect(long.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())).toBe(name);
  }
  expect(flagSettings().length).toBeGreaterThan(15);
});

test('the schema turns into JSON Schema', () => {
  const schema = z.toJSONSchema(campaignSchema, { io: 'input' });
  expect(schema.properties).toHaveProperty('untilFinding');
  expect(schema.additionalProperties).toBe(false);
});

test.each([
  ['90s', 90_000],
  ['1.5m', 90_000],
  ['8h', 28_800_000],
  ['300ms', 300],
])('%s is %d milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test('a value is for one input only where that input exists', () => {
  expect(groupByInput(['image=a.npy', 'odd=name.npy'], ['image'])).toEqual({
    forAll: ['odd=name.npy'],
    byName: new Map([['image', 'a.npy']]),
  });
  expect(groupByInput({ image: 'gaussian' }, ['image']).byName.get('image')).toBe('gaussian');
});

test('sizes are read in units of a thousand', () => {
  expect(parseSize('512MB')).toBe(512e6);
  expect(parseSize('1.5 gb')).toBe(1.5e9);
  expect(parseSize('2TB')).toBe(2e12);
  for (const wrong of ['512', 'MB', '1 XB', '-1GB']) expect(size.safeParse(wrong).success).toBe(false);
});
