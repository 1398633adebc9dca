import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { campaignJsonSchema } from '../../src/config/json-schema.ts';
import { campaignSchema } from '../../src/config/schema.ts';
import { settingKinds } from '../../src/setup/setting-kinds.ts';

const published = JSON.parse(readFileSync('schema/campaign.schema.json', 'utf8'));
const validate = new Ajv2020({ strict: false }).compile(published);

test('the JSON Schema that the package publishes is the one of the settings: npm run schema writes it', () => {
  expect(published).toEqual(JSON.parse(JSON.stringify(campaignJsonSchema(settingKinds()))));
  expect(Object.keys(published.properties).sort()).toEqual(
    [...Object.keys(campaignSchema.shape), 'formatVersion', 'resolved'].sort(),
  );
  for (const property of Object.values(published.properties)) {
    expect(property).toHaveProperty('description', expect.stringMatching(/\w{3}/));
  }
});

test.each(['campaign.yaml', 'campaign-tfjs.yaml'])('it accepts the bundled %s', (name) => {
  validate(parse(readFileSync(`corpora/nan-digits/${name}`, 'utf8')));
  expect(validate.errors).toBeNull();
});

test.each(['2GB', '512 mb', '1.5Tb'])('it accepts the size %s, as the campaign does', (memory) => {
  const campaign = { memory, maxDisk: memory };
  expect([validate(campaign), campaignSchema.safeParse(campaign).error?.issues ?? []]).toEqual([true, []]);
});

test.each([
  [{ modle: 'x.onnx' }, 'additionalProperties'],
  [{ execs: 0 }, 'exclusiveMinimum'],
  [{ time: 'tomorrow' }, 'pattern'],
  [{ guidance: 'some' }, 'enum'],
  [{ preprocess: { image: { layout: 'CHW' } } }, 'enum'],
])('it refuses %j', (campaign, keyword) => {
  expect(validate(campaign)).toBe(false);
  expect(validate.errors?.map((error) => error.keyword)).toContain(keyword);
});
