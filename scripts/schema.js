// Writes the campaign file's JSON Schema out of the built schema.
import { writeFileSync } from 'node:fs';

const { campaignJsonSchema } = await import('../dist/src/config/json-schema.js');
writeFileSync('schema/campaign.schema.json', `${JSON.stringify(campaignJsonSchema(), null, 2)}\n`);
