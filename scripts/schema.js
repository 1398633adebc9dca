// Writes the JSON Schemas of campaign and nightly files from the built schemas and registries.
import { writeFileSync } from 'node:fs';

const { campaignJsonSchema } = await import('../dist/src/config/json-schema.js');
const { nightlyJsonSchema } = await import('../dist/src/config/nightly-json-schema.js');
const { settingKinds } = await import('../dist/src/setup/setting-kinds.js');

for (const [name, makeSchema] of [
  ['campaign', campaignJsonSchema],
  ['nightly', nightlyJsonSchema],
])
  writeFileSync(`schema/${name}.schema.json`, `${JSON.stringify(makeSchema(settingKinds()), null, 2)}\n`);
