import { z } from 'zod';

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** A time such as `90s`, `10m` or `8h`. */
export const duration = z
  .string()
  .regex(DURATION_PATTERN, 'must be a time such as 90s, 10m or 8h')
  .refine((text) => parseDuration(text) > 0, 'must be longer than nothing');

/** Milliseconds of a duration that the schema let through. */
export function parseDuration(text: string): number {
  const [, digits, unit] = DURATION_PATTERN.exec(text) ?? [];
  return Number(digits) * MS_PER_UNIT[unit];
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = { kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };

const SIZE_PATTERN = /^(\d+(?:\.\d+)?) ?([kmgt]b)$/i;

/** An amount of memory or disk such as `512MB` or `2GB`. */
export const size = z
  .string()
  .regex(SIZE_PATTERN, 'must be a size such as 512MB or 2GB')
  .refine((text) => parseSize(text) >= 1, 'must be more than nothing');

/** Bytes of a size that the schema let through. */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = SIZE_PATTERN.exec(text) ?? [];
  return Math.floor(Number(digits) * BYTES_PER_UNIT[unit.toLowerCase()]);
}

const interval = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, 'must be two numbers lo,hi with lo below hi');

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
export const extensionSpec = z
  .string('must be a name, as name:parameter=1, or a module such as ./own.js')
  .regex(
    /^[a-z][a-z0-9-]+(?::|$)|[/\\]|\.[cm]?[jt]s(?::|$)/,
    'must be a name, as name:parameter=1, or a module such as ./own.js',
  );

const oneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** One spec, several, or one or several by input name. */
export const specLists = z.union([oneOrMore, z.record(z.string(), oneOrMore)]);

/** `name=value` pairs and bare values of a flag that takes both, told apart by the names that exist. */
export interface ValuesByInput<T> {
  readonly forAll: readonly T[];
  readonly byName: ReadonlyMap<string, T>;
}

/** A setting of one or several values for all inputs, or for each by name. */
export type ListSetting =
  | string
  | readonly string[]
  | Readonly<Record<string, string | readonly string[]>>
  | undefined;

/** As `byInput`, where an input may have several values: `name=value` may come up more than once. */
export function groupListsByInput(
  value: ListSetting,
  inputs: readonly string[],
): { readonly forAll: readonly string[]; readonly byName: ReadonlyMap<string, readonly string[]> } {
  if (typeof value === 'object' && !Array.isArray(value)) {
    const entries = Object.entries(value as Readonly<Record<string, string | readonly string[]>>);
    return {
      forAll: [],
      byName: new Map(entries.map(([name, one]) => [name, ([] as string[]).concat(one)])),
    };
  }
  const forAll: string[] = [];
  const byName = new Map<string, string[]>();
  for (const one of ([] as string[]).concat((value as string | string[] | undefined) ?? [])) {
    const name = inputs.find((input) => one.startsWith(`${input}=`));
    if (name === undefined) forAll.push(one);
    else byName.set(name, [...(byName.get(name) ?? []), one.slice(name.length + 1)]);
  }
  return { forAll, byName };
}

/**
 * Sorts the values of a setting into those for one input and those for all. `name=value` counts as a
 * pair only where `name` is an input; a path may hold an equals sign.
 */
export function groupByInput(
  value: string | readonly string[] | Readonly<Record<string, string>> | undefined,
  inputs: readonly string[],
): ValuesByInput<string> {
  const forAll: string[] = [];
  const named = new Map<string, string>();
  if (typeof value === 'object' && !Array.isArray(value)) {
    for (const [name, one] of Object.entries(value as Readonly<Record<string, string>>)) named.set(name, one);
    return { forAll, byName: named };
  }
  for (const one of ([] as string[]).concat((value as string | string[] | undefined) ?? [])) {
    const name = inputs.find((input) => one.startsWith(`${input}=`));
    if (name === undefined) forAll.push(one);
    else named.set(name, one.slice(name.length + 1));
  }
  return { forAll, byName: named };
}
