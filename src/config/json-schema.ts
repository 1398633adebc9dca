import { z } from 'zod';
import { campaignSchema } from './schema.ts';

/** Keys of our own beside the ones that JSON Schema knows. */
const CUSTOM_META_KEYS = new Set(['flags', 'help', 'defaultText', 'example', 'text']);

/** What a campaign's own campaign.yaml has beside its settings. */
const MANIFEST_PROPERTIES = {
  formatVersion: { type: 'integer', description: 'version of the file, as neurofuzz writes it' },
  resolved: {
    type: 'object',
    description: 'what neurofuzz resolved the settings to; not read from campaign files',
  },
} as const;

/** The JSON Schema of the campaign file: editors complete and check with it. */
export function campaignJsonSchema(): Record<string, unknown> {
  const schema = toJsonSchema(z.toJSONSchema(campaignSchema, { io: 'input' })) as Record<string, unknown>;
  return {
    ...schema,
    title: 'neurofuzz campaign',
    properties: { ...(schema.properties as object), ...MANIFEST_PROPERTIES },
  };
}

/** Turns our help into descriptions and takes out what only the command line needs. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (typeof value !== 'object' || value === null) return value;
  const own = value as Readonly<Record<string, unknown>>;
  const kept = Object.entries(own).filter(
    ([key, inner]) => !(CUSTOM_META_KEYS.has(key) && typeof inner === 'string'),
  );
  const description = typeof own.help === 'string' ? formatDescription(own.help, own.defaultText) : undefined;
  return {
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries(kept.map(([key, inner]) => [key, toJsonSchema(inner)])),
  };
}

function formatDescription(help: string, defaultText: unknown): string {
  return typeof defaultText === 'string' ? `${help} (default: ${defaultText})` : help;
}
