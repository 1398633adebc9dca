import { readFixedMasks } from '../../campaign/resolve/fixed-masks.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { groupListsByInput } from '../../config/values.ts';
import { inferInputKind } from '../../inputs/input-kind.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { NO_TOKEN, PROMPT } from '../../model/language/generation.ts';
import { readTokenizer } from '../../model/language/tokenizer.ts';
import { NO_MUTATOR } from '../../mutators/registry.ts';
import type { ManifestInput } from '../../storage/manifest-reader.ts';
import { DTYPES, readNumber } from '../../tensor/tensor.ts';
import type { DrawablePosition, ValueDomain } from './value-draws.ts';

/** Most elements of a testcase that are drawn. */
const MAX_POSITIONS = 200_000;

/** Id that fills shorter sequences of tokens where nothing else is known. */
const PAD_ID = 0;

export interface DrawableOptions {
  readonly config: CampaignConfig;
  readonly inputs: readonly ManifestInput[];
  readonly testcase: TestcaseData;
  /** Of the testcase's shapes; undefined where the seed has others. */
  readonly seed: TestcaseData | undefined;
  /** Seeds of the campaign, from which columns of tables and ids of tokens are drawn. */
  readonly seeds: readonly TestcaseData[];
}

/**
 * The elements of a testcase that can be drawn at random, each with its legal values: the input's range, and the campaign's L∞ limit
 * around the seed; what the seeds have in a column of a table; tokens of the vocabulary. Inputs without mutators, strings and masked
 * elements are left out. Empty if there are too many.
 */
export async function drawablePositions(options: DrawableOptions): Promise<DrawablePosition[]> {
  const { config, inputs, testcase } = options;
  const elements = testcase.form.inputs.reduce((sum, { size }) => sum + size, 0);
  if (elements > MAX_POSITIONS) return [];
  const names = inputs.map(({ name }) => name);
  const { forAll, byName } = groupListsByInput(config.mutator, names);
  const fixed = await readFixedMasks(config.fixed, inputs);
  const positions: DrawablePosition[] = [];
  for (const [input, { name, size, isString }] of testcase.form.inputs.entries()) {
    if (isString || (byName.get(name) ?? forAll).includes(NO_MUTATOR)) continue;
    const domainAt = await domainsOf(options, input);
    for (let index = 0; index < size; index++) {
      const domain = fixed[input]?.[index] ? undefined : domainAt(index);
      if (domain !== undefined) positions.push({ input, index, domain });
    }
  }
  return positions;
}

/** Makes the legal values of each element of an input; undefined for those that are not drawn. */
async function domainsOf(
  { config, inputs, testcase, seed, seeds }: DrawableOptions,
  input: number,
): Promise<(index: number) => ValueDomain | undefined> {
  const { name, type, range } = inputs[input];
  const valueAt = (index: number): number => readNumber(type, testcase.inputs[input], index);
  if (config.generate !== undefined && name === PROMPT) {
    const values = await promptTokens(config.generate.vocabulary, range[1]);
    return (index) => (valueAt(index) === NO_TOKEN ? undefined : choiceOf(values));
  }
  if (config.tokens?.[name] !== undefined || inferInputKind(inputs[input]) === 'tokens') {
    const values = distinctValues(seeds, input);
    return (index) => (valueAt(index) === PAD_ID ? undefined : choiceOf(values));
  }
  if (config.table !== undefined) return (index) => choiceOf(distinctValues(seeds, input, index));
  const maxDistance = config.linf ?? Number.POSITIVE_INFINITY;
  const isWhole = DTYPES[type].kind !== 'float';
  return (index) => {
    const from = seed === undefined ? Number.NaN : readNumber(type, seed.inputs[input], index);
    const low = Math.max(range[0], Number.isFinite(from) ? from - maxDistance : range[0]);
    const high = Math.min(range[1], Number.isFinite(from) ? from + maxDistance : range[1]);
    if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) return undefined;
    return isWhole ? { low: Math.ceil(low), high: Math.floor(high), isWhole } : { low, high, isWhole };
  };
}

/** Ids of the tokens of a vocabulary that have a text, up to the largest one that the model knows. */
async function promptTokens(vocabulary: string, last: number): Promise<number[]> {
  const { tokens, special } = await readTokenizer(vocabulary, last + 1);
  return Array.from({ length: last + 1 }, (_, id) => id).filter(
    (id) => tokens[id] !== null && tokens[id] !== undefined && !special.includes(id),
  );
}

/** The values that seeds have in an input, at one index or at any. */
function distinctValues(seeds: readonly TestcaseData[], input: number, at?: number): number[] {
  const values = new Set<number>();
  for (const { form, inputs } of seeds) {
    const { type, size } = form.inputs[input];
    const [from, to] = at === undefined ? [0, size] : [at, Math.min(size, at + 1)];
    for (let index = from; index < to; index++) values.add(readNumber(type, inputs[input], index));
  }
  return [...values].filter(Number.isFinite);
}

function choiceOf(values: readonly number[]): ValueDomain | undefined {
  return values.length < 2 ? undefined : { values };
}
