import * as z from 'zod';

/** Name of the vocabulary whose ids are Unicode code points. */
export const CODEPOINTS = 'codepoints';

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** A duration such as `90s`, `10m` or `8h`. */
export const duration = z
  .string()
  .regex(DURATION_PATTERN, 'must be a time such as 90s, 10m or 8h')
  .refine((text) => parseDuration(text) > 0, 'must be longer than 0');

/** Milliseconds of a duration that the schema let through. */
export function parseDuration(text: string): number {
  const [, digits, unit] = DURATION_PATTERN.exec(text) ?? [];
  return Number(digits) * MS_PER_UNIT[unit];
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = { kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };

// Without the flag i, which a JSON Schema cannot have.
const SIZE_PATTERN = /^(\d+(?:\.\d+)?) ?([kmgtKMGT][bB])$/;

/** An amount of memory or disk such as `512MB` or `2GB`. */
export const size = z
  .string()
  .regex(SIZE_PATTERN, 'must be a size such as 512MB or 2GB')
  .refine((text) => parseSize(text) >= 1, 'must be larger than 0');

/** Bytes of a size that the schema let through. */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = SIZE_PATTERN.exec(text) ?? [];
  return Math.floor(Number(digits) * BYTES_PER_UNIT[unit.toLowerCase()]);
}

const TWO_NUMBERS = 'must be two numbers lo,hi';

const interval = z
  .tuple([z.number(TWO_NUMBERS), z.number(TWO_NUMBERS)], TWO_NUMBERS)
  .refine(([low, high]) => low < high, `${TWO_NUMBERS} with lo below hi`);

/** Legal values: one interval for all inputs, or one for each by name. */
export const ranges = z.union([interval, z.record(z.string(), interval)]);

/** Sizes of an input, each a whole number above zero. */
const sizes = z
  .array(
    z.int('must be sizes such as 1,128').positive('must be sizes such as 1,128'),
    'must be sizes such as 1,128',
  )
  .min(1, 'must be sizes such as 1,128');

/** A shape for the only input, or one for each by name. */
export const shapes = z.union([sizes, z.record(z.string(), sizes)]);

/** One path, several, or paths by input name. */
export const paths = z.union([
  z.string().min(1),
  z.array(z.string().min(1)).min(1),
  z.record(z.string(), z.string().min(1)),
]);

/** One spec, several, or specs by input name. */
export const specs = paths;

/**
 * A kind by its name, with or without parameters, or a plug-in module. Which names there are is checked where the spec is
 * resolved: the registries know.
 */
export const extensionSpec = z.string(
  'must be a name such as name:parameter=1, or a module such as ./own.js',
);

const oneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** One spec, several, or one or several by input name. */
export const specLists = z.union([oneOrMore, z.record(z.string(), oneOrMore)]);

/** Values of a setting: those for all inputs, and those for one by its name. */
export interface ValuesByInput<T, Named = T> {
  readonly forAll: readonly T[];
  readonly byName: ReadonlyMap<string, Named>;
}

/** A setting of one or several values for all inputs, or for each by name. */
export type ListSetting =
  | string
  | readonly string[]
  | Readonly<Record<string, string | readonly string[]>>
  | undefined;

/**
 * Sorts the values of a setting into those for one input and those for all. `name=value` counts as a
 * pair only where `name` is an input; a path may hold an equals sign.
 */
export function groupListsByInput(
  value: ListSetting,
  inputs: readonly string[],
): ValuesByInput<string, readonly string[]> {
  if (isMapping(value))
    return { forAll: [], byName: new Map(Object.entries(value).map(([name, list]) => [name, toList(list)])) };
  const forAll: string[] = [];
  const byName = new Map<string, string[]>();
  for (const text of toList(value)) {
    const name = inputs.find((input) => text.startsWith(`${input}=`));
    if (name === undefined) forAll.push(text);
    else byName.set(name, [...(byName.get(name) ?? []), text.slice(name.length + 1)]);
  }
  return { forAll, byName };
}

/** As `groupListsByInput`, for settings that take one value for an input: the last one given. */
export function groupByInput(
  value: string | readonly string[] | Readonly<Record<string, string>> | undefined,
  inputs: readonly string[],
): ValuesByInput<string> {
  const { forAll, byName } = groupListsByInput(value, inputs);
  return { forAll, byName: new Map([...byName].map(([name, list]) => [name, list.at(-1) ?? ''])) };
}

function isMapping(value: ListSetting): value is Readonly<Record<string, string | readonly string[]>> {
  return typeof value === 'object' && !Array.isArray(value);
}

function toList(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}
