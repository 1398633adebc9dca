import * as z from 'zod';
import { campaignJsonSchema, type SettingKinds, toJsonSchema } from './json-schema.ts';
import { EXCLUDED_SETTINGS, nightlySchema } from './nightly.ts';
import type { SettingName } from './schema.ts';

/** What campaigns in nightly files do not have: some settings, and keys that are not read from campaign files. */
const EXCLUDED = new Set<string>([...EXCLUDED_SETTINGS, 'formatVersion', 'resolved']);

/**
 * The JSON Schema of the nightly file: editors complete and check with it. A campaign in it has the settings of a campaign file.
 *
 * @param kinds of each setting that names kinds of a registry
 */
export function nightlyJsonSchema(
  kinds: Readonly<Partial<Record<SettingName, SettingKinds>>>,
): Record<string, unknown> {
  const { properties = {}, ...schema } = z.toJSONSchema(nightlySchema, { io: 'input' });
  const { campaigns, ...settings } = toJsonSchema(properties) as Record<string, Record<string, unknown>>;
  const nightlyOnly =
    z.toJSONSchema(nightlySchema.shape.campaigns.valueType, { io: 'input' }).properties ?? {};
  const campaignSettings = Object.entries(campaignJsonSchema(kinds).properties ?? {}).filter(
    ([name]) => !EXCLUDED.has(name),
  );
  const campaign = {
    type: 'object',
    description:
      'a campaign: the settings of a campaign file, or the file itself and settings that override it',
    properties: { ...(toJsonSchema(nightlyOnly) as object), ...Object.fromEntries(campaignSettings) },
    anyOf: [{ required: ['config'] }, { required: ['model'] }],
    additionalProperties: false,
  };
  return {
    ...schema,
    title: 'neurofuzz nightly',
    properties: {
      ...settings,
      campaigns: { ...campaigns, minProperties: 1, additionalProperties: campaign },
    },
  };
}
