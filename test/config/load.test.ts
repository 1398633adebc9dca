import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import * as z from 'zod';
import { inputSection } from '../../src/config/input-section.ts';
import { checkSettings, parseSections, readCampaignFile } from '../../src/config/load.ts';
import { modelSection } from '../../src/config/model-section.ts';
import { campaignSchema, flagSettings } from '../../src/config/schema.ts';
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

test('the file of a campaign that says nothing of half precision emulates none, as when it was begun', async () => {
  const recorded = 'keep: 3\nresolved: { threshold: 1 }\n';
  expect(await readCampaignFile(file('recorded.yaml', recorded))).toEqual({ keep: 3, half: 'off' });
  const half = 'half: { accumulate: float16 }\nresolved: { threshold: 1 }\n';
  expect(await readCampaignFile(file('half.yaml', half))).toEqual({ half: { accumulate: 'float16' } });
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

test('sections are checked alone, with their defaults, and flags named by their spelling', () => {
  const schema = z.object({ ...modelSection, ...inputSection });
  expect(parseSections(schema, { model: 'm.onnx' })).toEqual({ model: 'm.onnx', runtime: 'auto' });
  expect(() => parseSections(schema, { range: [1, 0] })).toThrow(/^--range must be two numbers lo,hi/);
});

test('a second model or generated text implies the objective', () => {
  const objectiveOf = (settings: object) => checkSettings(settings, {}, 'f').objective;
  expect(objectiveOf({})).toEqual(['nonfinite']);
  expect(objectiveOf({ quantize: 'int8' })).toEqual(['quantization']);
  expect(objectiveOf({ against: 'copy.onnx' })).toEqual(['differential']);
  expect(objectiveOf({ generate: { vocabulary: 'codepoints' } })).toEqual(['text']);
  expect(objectiveOf({ quantize: 'int8', objective: 'slow' })).toEqual('slow');
});

test('a setting by input names the input that is wrong, and what is wrong with it', () => {
  const flags = z.object(inputSection);
  const ranges: [unknown, string][] = [
    [{ y: [0, 1], x: [5, 1] }, '--range x must be two numbers lo,hi with lo below hi, not [5,1]'],
    [{ y: [0, 1], x: ['a', 'b'] }, '--range x must be two numbers lo,hi, not ["a","b"]'],
    [{ y: [0, 1], x: [0, 1, 2] }, '--range x must be two numbers lo,hi, not [0,1,2]'],
  ];
  for (const [range, message] of ranges) expect(() => parseSections(flags, { range })).toThrow(message);
  expect(() => checkSettings({ model: 'm', range: { x: '0,1' } }, {}, 'c.yaml')).toThrow(
    'c.yaml: range.x must be [low, high], not "0,1"',
  );
  expect(() => parseSections(flags, { shape: { x: [1, 0] } })).toThrow(
    '--shape x must be sizes such as 1,128, not [1,0]',
  );
});
