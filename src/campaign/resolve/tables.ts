import type { ColumnSettings, InputConfig } from '../../config/schema.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { Interval, Range } from '../../inputs/range.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { Column } from '../../inputs/table-column.ts';
import type { InputSpec } from '../../model/model.ts';
import { DTYPES, makeData, readNumber, writeNumber } from '../../tensor/tensor.ts';

/** The columns of a table input. */
export interface Table {
  readonly columns: readonly Column[];
  readonly range: Range;
}

/** Most columns and fewest seeds of an input that is inferred to be a table. */
const MAX_COLUMNS = 64;
const MIN_SEEDS = 20;

/** Most distinct values of a column of whole numbers, and fewest seeds for each of them, that is inferred to be a category. */
const MAX_CATEGORIES = 8;
const MIN_SEEDS_PER_CATEGORY = 5;

/** The setting of an input: columns as listed, `auto` to infer them from the seeds, `none`; undefined where nothing is set. */
export type RequestedTable = 'auto' | 'none' | readonly ColumnSettings[] | undefined;

/** The `table` setting by input name. @throws UserError on an input that the model does not have */
export function requestedTables(
  setting: InputConfig['table'],
  names: readonly string[],
): (name: string) => RequestedTable {
  if (setting === undefined || typeof setting === 'string' || Array.isArray(setting)) return () => setting;
  for (const name of Object.keys(setting)) {
    if (!names.includes(name))
      throw new UserError(`table: the model has no input ${name}: ${suggestName(name, names)}`);
  }
  return (name) => (setting as Readonly<Record<string, RequestedTable>>)[name];
}

/** What a table's columns depend on beside its seeds. */
export interface TableOptions {
  /** The input's declared range, for columns that have none of their own. */
  readonly declared: Range | undefined;
  /** Rows of the table that the values look up; undefined where they look up none. */
  readonly ids?: Range | undefined;
  readonly requested: RequestedTable;
}

/**
 * Resolves the columns of a table input, as set or as inferred from its seeds. Undefined for an input that is no table.
 *
 * @param column index of the input
 * @param areGiven whether the seeds were given: drawn ones are no basis for inference
 * @throws UserError where the columns that are set do not fit the input
 */
export function resolveTable(
  input: InputSpec,
  column: number,
  seeds: Seeds,
  areGiven: boolean,
  { declared, ids, requested }: TableOptions,
): Table | undefined {
  const width = input.shape.at(-1);
  if (requested === 'none') return undefined;
  if (width === undefined || width === null || input.type === 'bool') {
    if (requested === undefined || requested === 'auto') return undefined;
    throw new UserError(`table: input ${input.name} has no columns`);
  }
  const isLikely = input.shape.length === 1 && width <= MAX_COLUMNS && width > 1 && seeds.length >= MIN_SEEDS;
  if (requested === undefined && !(isLikely && areGiven)) return undefined;
  const seen = Array.from({ length: width }, (_, c) =>
    areGiven ? distinctValues(input, column, seeds, c, width) : [],
  );
  if (requested === 'auto' && !areGiven)
    throw new UserError('table: auto infers columns from seeds: set --seeds');
  const settings: readonly Partial<ColumnSettings>[] = Array.isArray(requested)
    ? requested
    : seen.map(() => ({}));
  if (settings.length !== width) {
    throw new UserError(
      `table: input ${input.name} has ${width} columns, and ${settings.length} are listed: list all of them in their order`,
    );
  }
  const columns = settings.map((columnSettings, c) =>
    resolveColumn(columnSettings, seen[c], seeds.length, input, c, ids !== undefined),
  );
  if (requested === undefined && columns.every(({ kind }) => kind === 'range')) return undefined;
  const channels = settings.map((columnSettings, c) =>
    resolveInterval(columnSettings, columns[c], seen[c], declared ?? ids, input, c),
  );
  const low = Math.min(...channels.map((channel) => channel.low));
  const high = Math.max(...channels.map((channel) => channel.high));
  return { columns, range: { low, high, channels, channelsFirst: false } };
}

/** The number of columns of each kind, as text. */
export function describeTable({ columns }: Table): string {
  const kinds = ['range', 'integer', 'category', 'fixed'] as const;
  const counts = kinds.map(
    (kind) => [kind, columns.filter((column) => column.kind === kind).length] as const,
  );
  return counts.flatMap(([kind, count]) => (count === 0 ? [] : [`${count} ${kind}`])).join(', ');
}

/** The distinct values of a column in the seeds, in ascending order. */
function distinctValues(input: InputSpec, column: number, seeds: Seeds, c: number, width: number): number[] {
  const seen = new Set<number>();
  for (const { inputs } of seeds)
    for (let i = c; i < inputs[column].length; i += width)
      seen.add(readNumber(input.type, inputs[column], i));
  return [...seen].sort((a, b) => a - b);
}

function resolveColumn(
  { kind, values }: Partial<ColumnSettings>,
  seen: readonly number[],
  seeds: number,
  input: InputSpec,
  c: number,
  holdsIds: boolean,
): Column {
  // All rows of a table are legal, and not those alone that seeds look up.
  if (kind === undefined && holdsIds && seen.length > 1) return { kind: 'integer' };
  if (kind === undefined) return guessColumn(seen, seeds);
  if (kind !== 'category') {
    if (values !== undefined)
      throw new UserError(`table: column ${c} of input ${input.name} lists values but is not a category`);
    return { kind };
  }
  const legal = values ?? seen;
  if (legal.length === 0)
    throw new UserError(
      `table: category ${c} of input ${input.name} has no values: list them, or set --seeds`,
    );
  return { kind, values: legal.map((value) => castToType(value, input, c)) };
}

/** A value rounded to the input's type. @throws UserError where the type cannot hold it */
function castToType(value: number, input: InputSpec, c: number): number {
  const { kind, min, max } = DTYPES[input.type];
  if (value < min || value > max || (kind !== 'float' && !Number.isInteger(value))) {
    throw new UserError(
      `table: category ${value} lies outside column ${c} of input ${input.name}, which is ${input.type}`,
    );
  }
  const rounded = makeData(input.type, 1);
  writeNumber(input.type, rounded, 0, value);
  return readNumber(input.type, rounded, 0);
}

function guessColumn(seen: readonly number[], seeds: number): Column {
  if (seen.length === 1) return { kind: 'fixed' };
  if (!seen.every(Number.isInteger)) return { kind: 'range' };
  const isFew = seen.length <= MAX_CATEGORIES && seeds >= MIN_SEEDS_PER_CATEGORY * seen.length;
  return isFew ? { kind: 'category', values: seen } : { kind: 'integer' };
}

function resolveInterval(
  { range }: Partial<ColumnSettings>,
  column: Column,
  seen: readonly number[],
  declared: Range | undefined,
  { name }: InputSpec,
  c: number,
): Interval {
  if (column.kind === 'category') {
    const ends = { low: Math.min(...column.values), high: Math.max(...column.values) };
    const outside =
      range === undefined ? undefined : column.values.find((value) => value < range[0] || value > range[1]);
    if (outside === undefined) return ends;
    throw new UserError(
      `table: category ${outside} lies outside column ${c} of input ${name}, which goes from ${range?.join(' to ')}`,
    );
  }
  if (range !== undefined) return { low: range[0], high: range[1] };
  if (declared !== undefined) return { low: declared.low, high: declared.high };
  if (seen.length === 0) throw new UserError(`table: column ${c} of input ${name} needs a range or seeds`);
  return { low: seen[0], high: seen[seen.length - 1] };
}
