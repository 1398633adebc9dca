import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { nightlySchema } from '../../src/config/nightly.ts';
import { nightlyJsonSchema } from '../../src/config/nightly-json-schema.ts';
import { settingKinds } from '../../src/setup/setting-kinds.ts';

const published = JSON.parse(readFileSync('schema/nightly.schema.json', 'utf8'));
const validate = new Ajv2020({ strict: false }).compile(published);

test('the JSON Schema that the package publishes is the one of the settings: npm run schema writes it', () => {
  expect(published).toEqual(JSON.parse(JSON.stringify(nightlyJsonSchema(settingKinds()))));
  expect(Object.keys(published.properties).sort()).toEqual(Object.keys(nightlySchema.shape).sort());
  const campaign = published.properties.campaigns.additionalProperties.properties;
  expect(Object.keys(campaign)).toEqual(
    expect.arrayContaining(['config', 'share', 'model', 'linf', 'minExecs']),
  );
  for (const property of [...Object.values(published.properties), ...Object.values(campaign)])
    expect(property).toHaveProperty('description', expect.stringMatching(/\w{3}/));
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(exports['./nightly.schema.json']).toBe('./schema/nightly.schema.json');
});

/** The nightly file that a page shows. */
function shownFile(page: string): string {
  const blocks = readFileSync(page, 'utf8').match(/```yaml\n[\s\S]*?```/g) ?? [];
  return (
    blocks.map((block) => block.replace(/^```yaml\n|```$/g, '')).find((text) => /^time: /m.test(text)) ?? ''
  );
}

test.each([
  ['examples/nightly/nightly.yaml', readFileSync('examples/nightly/nightly.yaml', 'utf8')],
  ['docs/nightly.md', shownFile('docs/nightly.md')],
  ['docs/tutorial.md', shownFile('docs/tutorial.md')],
])('it accepts the nightly file of %s', (_, text) => {
  expect(text).not.toBe('');
  validate(parse(text));
  expect(validate.errors).toBeNull();
});

test.each([
  [{ time: '8h', campaigns: {} }, 'minProperties'],
  [{ campaigns: { a: { model: 'a.onnx' } } }, 'required'],
  [{ time: 'tomorrow', campaigns: { a: { model: 'a.onnx' } } }, 'pattern'],
  [{ time: '8h', keeps: 3, campaigns: { a: { model: 'a.onnx' } } }, 'additionalProperties'],
  [{ time: '8h', keep: '0 nights', campaigns: { a: { model: 'a.onnx' } } }, 'pattern'],
  [{ time: '8h', campaigns: { a: { linf: 1 } } }, 'anyOf'],
  [{ time: '8h', campaigns: { '../a': { model: 'a.onnx' } } }, 'propertyNames'],
  [{ time: '8h', campaigns: { a: { model: 'a.onnx', share: 0 } } }, 'exclusiveMinimum'],
  [{ time: '8h', campaigns: { a: { model: 'a.onnx', out: 'x' } } }, 'additionalProperties'],
  [{ time: '8h', campaigns: { a: { model: 'a.onnx', guidance: 'some' } } }, 'enum'],
])('it refuses %j', (night, keyword) => {
  expect(validate(night)).toBe(false);
  expect(validate.errors?.map((error) => error.keyword)).toContain(keyword);
});
