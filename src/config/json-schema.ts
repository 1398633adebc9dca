import * as z from 'zod';
import { campaignSchema, type SettingName } from './schema.ts';

/** Keys of settings' metadata that JSON Schema does not have. */
const CUSTOM_META_KEYS = new Set(['flags', 'help', 'defaultText', 'example', 'text']);

/** Keys of the campaign.yaml in a campaign's folder beside its settings. */
const MANIFEST_PROPERTIES = {
  formatVersion: { type: 'integer', description: 'version of the file, as neurofuzz writes it' },
  resolved: {
    type: 'object',
    description: 'what neurofuzz resolved the settings to; not read from campaign files',
  },
} as const;

/** The kinds that a setting names. The registries, which know them, lie above the schema. */
export interface SettingKinds {
  readonly names: readonly string[];
  /** The help of the setting with these kinds. */
  readonly help: string;
  /** Whether names may have parameters, and modules may stand in their place. */
  readonly takesPlugins: boolean;
}

/**
 * The JSON Schema of the campaign file: editors complete and check with it.
 *
 * @param kinds of each setting that names kinds of a registry
 */
export function campaignJsonSchema(
  kinds: Readonly<Partial<Record<SettingName, SettingKinds>>>,
): Record<string, unknown> {
  const { properties = {}, ...schema } = z.toJSONSchema(campaignSchema, { io: 'input' });
  const settings = Object.entries(properties).map(([name, property]) => {
    const known = kinds[name as SettingName];
    return [name, toJsonSchema(known === undefined ? property : withKinds(property, known))];
  });
  return {
    ...schema,
    title: 'neurofuzz campaign',
    properties: { ...Object.fromEntries(settings), ...MANIFEST_PROPERTIES },
  };
}

/** The schema of a setting whose strings name kinds. */
function withKinds(property: unknown, { names, help, takesPlugins }: SettingKinds) {
  const { type, ...rest } = property as Readonly<Record<string, unknown>>;
  if (!takesPlugins) return { ...rest, help, type, enum: names };
  const spec = `^(?:${names.join('|')}):|[/\\\\]|\\.[cm]?[jt]s(?::|$)`;
  return {
    ...rest,
    help,
    anyOf: [
      { type, enum: names },
      { type, pattern: spec },
    ],
  };
}

/** Turns help into descriptions, and removes the metadata of flags. */
export function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (typeof value !== 'object' || value === null) return value;
  const schema = value as Readonly<Record<string, unknown>>;
  const kept = Object.entries(schema).filter(
    ([key, inner]) => !(CUSTOM_META_KEYS.has(key) && typeof inner === 'string'),
  );
  const description =
    typeof schema.help === 'string' ? formatDescription(schema.help, schema.defaultText) : undefined;
  return {
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries(kept.map(([key, inner]) => [key, toJsonSchema(inner)])),
  };
}

function formatDescription(help: string, defaultText: unknown): string {
  return typeof defaultText === 'string' ? `${help} (default: ${defaultText})` : help;
}
