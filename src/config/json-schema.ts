import { z } from 'zod';
import { campaignSchema } from './schema.ts';

/** Keys of our own beside the ones that JSON Schema knows. */
const OURS = new Set(['flags', 'as', 'help', 'defaultText']);

/** What a campaign's own campaign.yaml has beside its settings. */
const WRITTEN = {
  formatVersion: { type: 'integer', description: 'version of the file, as neurofuzz writes it' },
  resolved: {
    type: 'object',
    description: 'what neurofuzz resolved the settings to; not read from campaign files',
  },
} as const;

/** The JSON Schema of the campaign file: editors complete and check with it. */
export function campaignJsonSchema(): Record<string, unknown> {
  const schema = tidy(z.toJSONSchema(campaignSchema, { io: 'input' })) as Record<string, unknown>;
  return {
    ...schema,
    title: 'neurofuzz campaign',
    properties: { ...(schema.properties as object), ...WRITTEN },
  };
}

/** Turns our help into descriptions and takes out what only the command line needs. */
function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== 'object' || value === null) return value;
  const own = value as Readonly<Record<string, unknown>>;
  const kept = Object.entries(own).filter(([key, inner]) => !(OURS.has(key) && typeof inner === 'string'));
  const description = typeof own.help === 'string' ? describe(own.help, own.defaultText) : undefined;
  return {
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries(kept.map(([key, inner]) => [key, tidy(inner)])),
  };
}

function describe(help: string, defaultText: unknown): string {
  return typeof defaultText === 'string' ? `${help} (default: ${defaultText})` : help;
}
