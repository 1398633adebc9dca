import type { ResolvedInputs } from '../campaign/resolve/inputs.ts';
import { isConstant, spanOfSeeds } from '../campaign/resolve/ranges.ts';
import { describeTable } from '../campaign/resolve/tables.ts';
import { plural } from '../core/format-number.ts';
import { rangeText } from '../inputs/range.ts';
import type { Seeds } from '../inputs/seeds.ts';
import type { InputSpec } from '../model/model.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import type { InspectedInput, Inspection } from './inspect.ts';

/** What `fuzz` makes of one input without further settings. */
export interface InputGuess extends Omit<InspectedInput, 'kind'> {
  readonly kind: InspectedInput['kind'] | 'label';
  /** Why its seeds' values stay as they are, a clause; undefined for an input that is mutated. */
  readonly staysWhy?: string | undefined;
  /** Its columns in a few words, where seeds show that it is a table. */
  readonly columns?: string | undefined;
}

/** Seeds that were read, and what they tell of the inputs, in the model's order. */
export type SeedFacts = Pick<ResolvedInputs, 'seeds' | 'descriptors' | 'mutators'>;

/**
 * What is guessed of each input: its kind, its range, and whether it stays as its seeds have it.
 *
 * @param seedFacts undefined where no seeds are given: the guesses are those of the model alone
 */
export function guessInputs({ inputs }: Inspection, seedFacts: SeedFacts | undefined): InputGuess[] {
  return inputs.map((input, i) => {
    const kept = seedFacts === undefined ? undefined : keptBySeeds(input, seedFacts, i);
    const guess = kept ?? staysByModel(input) ?? input;
    return seedFacts === undefined ? guess : { ...guess, ...rangeBySeeds(guess, seedFacts, i) };
  });
}

function staysByModel(input: InspectedInput): InputGuess | undefined {
  if (input.stays === undefined) return undefined;
  return { ...input, staysWhy: `${input.kind} stays ${input.stays}` };
}

function keptBySeeds(
  input: InspectedInput,
  { seeds, mutators }: SeedFacts,
  i: number,
): InputGuess | undefined {
  if (mutators[i].length > 0) return undefined;
  const staysWhy = isConstant(seeds[0].form.inputs[i], seeds, i)
    ? 'the same in all seeds, so it stays'
    : `${input.kind} stays as its seeds have it`;
  return { ...input, staysWhy };
}

function rangeBySeeds(
  { range, why }: InputGuess,
  { seeds, descriptors }: SeedFacts,
  i: number,
): Partial<InputGuess> {
  const { range: legal, strings, columns } = descriptors[i];
  if (strings !== undefined) return {};
  const table = columns && { columns: describeTable({ columns, range: legal }) };
  const isFromModel = range?.[0] === legal.low && range[1] === legal.high;
  return {
    range: [legal.low, legal.high],
    isRangeByChannel: legal.channels !== undefined,
    why: isFromModel ? why : `the values of ${plural(seeds.length, 'seed')}`,
    ...table,
  };
}

/** Names that inputs have which take the right answer: a class, or an array with 1 at the class. */
const LABEL_NAME =
  /(?:^|[_./:-])(?:labels?|targets?|y|y_?true|class|classes|class_?(?:id|index)|ground_?truth)(?:[_.:/-]?\d*)$/i;

/**
 * Inputs that take labels, with the reason for it: by their names, their types and the values of the seeds. None where nothing else would
 * be left to mutate.
 *
 * @param inputs without the batch dimension
 * @param seeds undefined where none are given
 */
export function labelInputs(
  inputs: readonly InputSpec[],
  inspected: readonly InspectedInput[],
  seeds: Seeds | undefined,
): ReadonlyMap<string, string> {
  const labels = new Map(
    inputs.flatMap((input, i) => {
      const reason = inspected[i].stays === undefined ? labelReason(input, seeds, i) : undefined;
      return reason === undefined ? [] : [[input.name, reason] as const];
    }),
  );
  const isOther = inspected.some(({ name, stays }) => stays === undefined && !labels.has(name));
  return isOther ? labels : new Map();
}

function labelReason(input: InputSpec, seeds: Seeds | undefined, i: number): string | undefined {
  const { name, type, shape } = input;
  if (!LABEL_NAME.test(name)) return undefined;
  const isSingle = shape.every((size) => size === 1);
  if (isSingle && DTYPES[type].kind === 'int') {
    const span = seeds && spanOfSeeds(input, seeds, i);
    return `its name and its type ${type} say so${span === undefined ? '' : `; ${rangeText(span)} in the seeds`}`;
  }
  const isOneHot = seeds !== undefined && !isSingle && seeds.every((seed) => hasOneHot(input, seed, i));
  return isOneHot ? 'its name says so, and each seed has one 1 among zeros' : undefined;
}

function hasOneHot({ type }: InputSpec, { inputs }: Seeds[number], i: number): boolean {
  let ones = 0;
  for (let at = 0; at < inputs[i].length; at++) {
    const value = readNumber(type, inputs[i], at);
    if (value !== 0 && value !== 1) return false;
    ones += value;
  }
  return ones === 1;
}
