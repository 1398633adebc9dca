// Writes the JSON Schema of campaign files from the built schema and registries.
import { writeFileSync } from 'node:fs';

const { campaignJsonSchema } = await import('../dist/src/config/json-schema.js');
const { settingKinds } = await import('../dist/src/setup/setting-kinds.js');
writeFileSync(
  'schema/campaign.schema.json',
  `${JSON.stringify(campaignJsonSchema(settingKinds()), null, 2)}\n`,
);
