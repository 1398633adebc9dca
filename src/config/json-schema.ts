import { z } from 'zod';
import { campaignSchema } from './schema.ts';

/** Keys of our metadata that JSON Schema does not have. */
const CUSTOM_META_KEYS = new Set(['flags', 'help', 'defaultText', 'example', 'text']);

/** Keys that the campaign.yaml of a campaign's folder has in addition to its settings. */
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

/** Turns help into descriptions and removes the metadata of the command line. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (typeof value !== 'object' || value === null) return value;
  const entries = new Map<string, unknown>(Object.entries(value));
  const kept = [...entries].filter(
    ([key, inner]) => !(CUSTOM_META_KEYS.has(key) && typeof inner === 'string'),
  );
  const help = entries.get('help');
  const description =
    typeof help === 'string' ? formatDescription(help, entries.get('defaultText')) : undefined;
  return {
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries(kept.map(([key, inner]) => [key, toJsonSchema(inner)])),
  };
}

function formatDescription(help: string, defaultText: unknown): string {
  return typeof defaultText === 'string' ? `${help} (default: ${defaultText})` : help;
}
