import type { InputConfig, ModelConfig, MutationConfig, PreprocessSettings } from '../../config/schema.ts';
import { groupByInput } from '../../config/values.ts';
import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { randomStream } from '../../core/random.ts';
import { type LengthChanges, resolveLengthChanges } from '../../fuzzer/generation/length-changes.ts';
import { describeArms } from '../../fuzzer/scheduling/mutator-arms.ts';
import { drawSeeds } from '../../inputs/draw-seeds.ts';
import type { PixelScaling } from '../../inputs/fit-to-input.ts';
import { readFixedMask } from '../../inputs/fixed-mask.ts';
import { fixFreeShapes } from '../../inputs/free-shapes.ts';
import { type ImageFormat, resolveImageFormat } from '../../inputs/image.ts';
import { type InferredInput, inferInput } from '../../inputs/infer-input.ts';
import type { Domain, InputDescriptor } from '../../inputs/input-descriptor.ts';
import { parseLabelSource, resolveLabels } from '../../inputs/labels.ts';
import { intervalAt, type Range } from '../../inputs/range.ts';
import { readSeeds, type SeedSources } from '../../inputs/read-seeds.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { TextSeedFormat } from '../../inputs/tokenize-seed-file.ts';
import {
  makeTestcaseInput,
  type ShapeSignature,
  shapeSignatureOf,
  stripBatchDimension,
} from '../../model/batched-model.ts';
import type { InputSpec, ModelInfo } from '../../model/model.ts';
import { MUTATORS } from '../../mutators/registry.ts';
import { copyInto, DTYPES, makeData, readNumber, writeNumber } from '../../tensor/tensor.ts';
import type { Notices } from './model-settings.ts';
import { checkMutatorsFit, mutatorSpecs, type RequestedMutators, requestedMutators } from './mutators.ts';
import { declaredRanges, rangeOfPicture, rangeOfSeeds } from './ranges.ts';
import { describeTable, requestedTables, resolveTable } from './tables.ts';
import { planTokens, readDictionaryWords, type TokenPlan, tokenDescriptor } from './tokens.ts';
import { validSeeds } from './valid-seeds.ts';

/** Values that levels are laid onto where nobody says. */
const DEFAULT_INTERVAL = [0, 1] as const;

/** Seeds drawn where the user gives none. */
const DRAWN_SEED_COUNT = 32;

/** Everything about inputs that the settings decide. */
export interface InputPlan {
  /** The model's inputs, with the sizes fixed that the settings fix. */
  readonly inputs: readonly InputSpec[];
  readonly seeds: Seeds;
  /** The class that each seed shows; undefined where nobody says. */
  readonly labels: ReadonlyMap<Seeds[number], number> | undefined;
  /** What mutators and constraints know of each input, in the model's order. */
  readonly descriptors: readonly InputDescriptor[];
  /** The specs of each input's mutators; none leave it alone. */
  readonly mutators: readonly (readonly string[])[];
  readonly limits: ConstraintLimits;
  readonly lengthChanges: LengthChanges | undefined;
  /** A testcase as text: that of the first input that has a vocabulary. Undefined where none has. */
  readonly textOf: (testcase: Seeds[number]) => string | undefined;
  /** What each input's values look like; undefined for those that are no pictures. */
  readonly imageFormats: readonly (ImageFormat | undefined)[];
}

/**
 * Reads or draws the seeds, and settles each input's range, kinds, mutators and looks.
 *
 * @param keepsLabels whether the default mix must leave what a seed shows as it is
 */
export async function planInputs(
  model: ModelInfo,
  config: ModelConfig & InputConfig & MutationConfig,
  masterSeed: string,
  notes: Notices,
  keepsLabels = false,
): Promise<InputPlan> {
  const inputs = fixFreeShapes(model.inputs, config.shape);
  if (inputs.length === 0) throw new UserError(`${model.path} takes no inputs: there is nothing to fuzz`);
  const names = inputs.map((input) => input.name);
  const preprocess = new Map(Object.entries(config.preprocess ?? {}));
  for (const name of preprocess.keys()) {
    if (!names.includes(name))
      throw new UserError(`preprocess: the model has no input ${name}: ${suggestName(name, names)}`);
  }
  const single = stripBatchDimension(inputs);
  const guesses = single.map((input) => inferInput(input, model.graph));
  const tokens = await planTokens(single, guesses, config, model.generation);
  const asked = await requestedMutators(config.mutator, single, guesses, notes);
  const user = declaredRanges(config.range, names);
  for (const [i, plan] of tokens.entries())
    if (plan?.ids !== undefined && !user.has(names[i])) user.set(names[i], plan.ids);
  const { declared, pixels } = resolvePixels(single, guesses, user, preprocess);
  const tableFor = requestedTables(config.table, names);
  const words = await readDictionaryWords(config, single, tokens, notes);
  const places = groupByInput(config.seeds, names);
  const given = places.forAll.length + places.byName.size > 0;
  const rangeOf = (i: number): Range => declared.get(names[i]) ?? toRange(guesses[i].range);
  const source = config.labels === undefined ? undefined : parseLabelSource(config.labels);
  if (source !== undefined && !given) throw new UserError('--labels are for seeds: give those with --seeds');
  const origins: SeedSources = {
    labelColumn: source?.kind === 'column' ? source.column : undefined,
    paths: [],
    labels: [],
  };
  const takingText = (name: string): TextSeedFormat | undefined => {
    const language = tokens[names.indexOf(name)]?.tokenizer;
    return language && { tokenizer: language, splitBy: config.generate?.prompts };
  };
  if (!given && model.generation !== undefined)
    throw new UserError(
      'a model that goes on with texts needs prompts: give some with --seeds prompts.txt, one a line',
    );
  const read = given
    ? padSeeds(
        await readSeeds(inputs, places, (name) => pixels[names.indexOf(name)], origins, takingText),
        tokens,
      )
    : drawRandomSeeds(single, guesses, rangeOf, inputs, masterSeed, notes);
  const labelled =
    source === undefined ? undefined : await resolveLabels(source, origins.paths, origins.labels);
  if (labelled?.folderClasses !== undefined) notes.info(labelled.folderClasses);
  const labels = labelled && new Map(read.map((seed, i) => [seed, labelled.labels[i]]));

  const tables = single.map((input, i) =>
    tokens[i] === undefined && !isUnmutated(asked[i])
      ? resolveTable(input, i, read, given, declared.get(input.name), tableFor(input.name))
      : undefined,
  );
  tables.forEach((table, i) => {
    if (table !== undefined)
      notes.info(
        `input ${names[i]} is a table: ${describeTable(table)}; --table none takes its columns for plain numbers`,
      );
  });
  const left = new Set<number>();
  const ranges = single.map((input, i) => {
    const table = tables[i];
    if (table !== undefined) return table.range;
    if (declared.has(input.name) || !given) return rangeOf(i);
    const mutated = asked.map((one, k) => !isUnmutated(one) && !left.has(k));
    const { range, stays: isSame } = rangeOfSeeds(input, read, i, mutated, config.mutator);
    if (isSame && mutated[i]) {
      left.add(i);
      notes.info(`input ${input.name} is the same in all seeds: it stays so; --range would have it mutated`);
    }
    return range;
  });
  const pictures = single.map((input, i) =>
    resolveImageFormat(input, preprocess.get(input.name), [ranges[i].low, ranges[i].high]),
  );
  const fixed = await readMasks(config, single);
  const traits = single.map((input, i): InputDescriptor => {
    const plan = tokens[i];
    const own = plan === undefined ? undefined : tokenDescriptor(plan, words[i], read, i);
    return {
      name: input.name,
      type: input.type,
      domains: domainsOf(input, plan, pictures[i], tables[i] !== undefined),
      size: Math.max(own?.length[1] ?? 0, ...read.map(({ inputs }) => inputs[i].length)),
      range: ranges[i],
      picture: pictures[i],
      columns: tables[i]?.columns,
      fixed: fixed[i],
      tokens: own,
    };
  });
  const isLeft = (i: number): boolean => isUnmutated(asked[i]) || left.has(i);
  checkMutatorsFit(asked.flatMap((one, i) => (isLeft(i) ? [] : [{ asked: one, input: traits[i] }])));
  const mix = asked.map((one, i) => (isLeft(i) ? [] : mutatorSpecs(one, traits[i])));
  const mutators = keepsLabels
    ? mix.map((specs, i) => (asked[i] === 'default' ? labelPreserving(specs) : specs))
    : mix;
  checkAnyMutated(asked, mutators, traits);
  if (config.deephunter !== undefined) await refuseOnlyGeometric(mutators, traits);
  const mutated = mutators.map((list) => list.length > 0);
  const seeds = validSeeds(read, traits, mutated, notes);
  const { linf, l2, l0, edits, deephunter } = config;
  const limits: ConstraintLimits = { linf, l2, l0, edits, deephunter };
  if (edits !== undefined && !traits.some(({ tokens: own }, i) => own !== undefined && mutated[i]))
    throw new UserError('--edits: no input of tokens is mutated; --l0 is for numbers');
  const resizing = resolveLengthChanges(single, traits, mutated, seeds, limits);
  return {
    inputs,
    seeds,
    labels,
    descriptors: withFollowerSizes(traits, resizing),
    mutators,
    limits,
    lengthChanges: resizing,
    imageFormats: pictures,
    textOf: textOf(tokens),
  };
}

function textOf(tokens: readonly (TokenPlan | undefined)[]): InputPlan['textOf'] {
  const at = tokens.findIndex((plan) => plan?.tokenizer !== undefined);
  const language = tokens[at]?.tokenizer;
  if (language === undefined) return () => undefined;
  return ({ form, inputs }) => {
    const { type, size } = form.inputs[at];
    const ids = Array.from({ length: size }, (_, i) => readNumber(type, inputs[at], i));
    return language.decode(ids.filter((id) => id >= 0));
  };
}

/** Seeds whose tokens are of one length, where places may hold none: as long as the longest, or as is allowed. */
function padSeeds(seeds: Seeds, tokens: readonly (TokenPlan | undefined)[]): Seeds {
  if (tokens.every((plan) => plan?.padId === undefined)) return seeds;
  const sizes = tokens.map((plan, i) =>
    plan?.padId === undefined
      ? undefined
      : seeds.reduce((most, { inputs }) => Math.max(most, inputs[i].length), plan.length?.[1] ?? 1),
  );
  const forms = new Map<string, ShapeSignature>();
  return seeds.map(({ form, inputs }) => {
    const made = shapeSignatureOf(
      form.inputs.map((input, i) => (sizes[i] === undefined ? input : makeTestcaseInput(input, [sizes[i]]))),
    );
    const shared = forms.get(made.key) ?? made;
    forms.set(shared.key, shared);
    return {
      form: shared,
      inputs: inputs.map((values, i) => {
        if (sizes[i] === undefined) return values;
        const { type } = form.inputs[i];
        const longer = makeData(type, sizes[i]);
        copyInto(longer, values, 0);
        for (let at = values.length; at < sizes[i]; at++)
          writeNumber(type, longer, at, tokens[i]?.padId ?? 0);
        return longer;
      }),
    };
  });
}

function toRange([low, high]: readonly [number, number]): Range {
  return { low, high };
}

/** Those mutators of the default mix that leave what a seed shows as it is. */
function labelPreserving(specs: readonly string[]): string[] {
  return specs.filter((spec) => MUTATORS.find(spec)?.mayChangeMeaning !== true);
}

function isUnmutated(asked: RequestedMutators): boolean {
  return asked === 'none';
}

/** Inputs that follow the length of another need as much room. */
function withFollowerSizes(
  traits: readonly InputDescriptor[],
  resizing: LengthChanges | undefined,
): readonly InputDescriptor[] {
  if (resizing === undefined) return traits;
  const { leader, followers, maxLength } = resizing;
  return traits.map((one, i) =>
    i === leader || followers.includes(i) ? { ...one, size: Math.max(one.size, maxLength) } : one,
  );
}

function domainsOf(
  { type }: InputSpec,
  tokens: TokenPlan | undefined,
  picture: ImageFormat | undefined,
  isTable: boolean,
): readonly Domain[] {
  if (type === 'bool') return ['flags'];
  const own: Domain[] = ['numbers'];
  if (picture !== undefined && tokens === undefined) own.push('image');
  if (isTable) own.push('table');
  if (tokens !== undefined) own.push('tokens');
  if (tokens?.vocabulary !== undefined) own.push('text');
  return own;
}

/** @throws UserError where no input is mutated */
function checkAnyMutated(
  asked: readonly RequestedMutators[],
  mutators: readonly (readonly string[])[],
  traits: readonly InputDescriptor[],
): void {
  if (mutators.some((list) => list.length > 0)) return;
  const unfit = asked.flatMap((one, i) => (isUnmutated(one) ? [] : [traits[i].name]));
  throw new UserError(
    unfit.length === 0
      ? '--mutator leaves every input as it is: nothing would change; name a mutator for one of them'
      : `nothing would change: no mutator asked for fits ${unfit.join(', ')}; neurofuzz mutators lists what each is for`,
  );
}

/** @throws UserError where DeepHunter's rule would leave nothing to do after a line's one geometric change */
async function refuseOnlyGeometric(
  mutators: readonly (readonly string[])[],
  traits: readonly InputDescriptor[],
): Promise<void> {
  const arms = await describeArms(mutators);
  const only = arms.findIndex((list) => list.length > 0 && list.every(({ geometric }) => geometric));
  if (only < 0) return;
  throw new UserError(
    `--deephunter allows one geometric change, and input ${traits[only].name} has no other mutator: add one, such as gaussian`,
  );
}

async function readMasks(
  config: MutationConfig,
  inputs: readonly InputSpec[],
): Promise<(Uint8Array | undefined)[]> {
  const names = inputs.map(({ name }) => name);
  const { forAll, byName } = groupByInput(config.fixed, names);
  for (const name of byName.keys()) {
    if (!names.includes(name))
      throw new UserError(`--fixed: the model has no input ${name}: ${suggestName(name, names)}`);
  }
  if (forAll.length > 1 || (forAll.length === 1 && inputs.length > 1))
    throw new UserError(`--fixed: say which input each mask is for: ${names[0]}=${forAll[0]}`);
  return Promise.all(
    inputs.map(({ name, shape }) => {
      const path = byName.get(name) ?? forAll[0];
      return path === undefined ? undefined : readFixedMask(path, name, shape);
    }),
  );
}

/** How inputs take pictures; where that is declared, the ranges follow from it unless they are declared too. */
function resolvePixels(
  single: readonly InputSpec[],
  guesses: readonly InferredInput[],
  ranges: ReadonlyMap<string, Range>,
  preprocess: ReadonlyMap<string, PreprocessSettings>,
): { readonly declared: ReadonlyMap<string, Range>; readonly pixels: readonly PixelScaling[] } {
  const declared = new Map(ranges);
  const pixels = single.map((input, i) => {
    const range = ranges.get(input.name);
    const guessed = guesses[i].kind === 'image' ? guesses[i].range : DEFAULT_INTERVAL;
    // Whole numbers are levels as they are.
    const isLaid = DTYPES[input.type].kind === 'float';
    const declaredEnds = range === undefined ? guessed : ([range.low, range.high] as const);
    const laid = isLaid ? declaredEnds : ([0, 255] as const);
    const settings = preprocess.get(input.name);
    const picture = resolveImageFormat(input, settings, laid);
    if (settings !== undefined && picture !== undefined && range === undefined) {
      declared.set(input.name, rangeOfPicture(picture));
    }
    return { interval: laid, imageFormat: picture };
  });
  return { declared, pixels };
}

function drawRandomSeeds(
  single: readonly InputSpec[],
  guesses: readonly InferredInput[],
  rangeOf: (input: number) => Range,
  inputs: readonly InputSpec[],
  masterSeed: string,
  notes: Notices,
): Seeds {
  const drawRange = (i: number, position = 0, size = 1): readonly [number, number] => {
    const { low, high } = size === 1 ? rangeOf(i) : intervalAt(rangeOf(i), position, size);
    // A mask that hides all of a testcase makes nothing of it.
    return guesses[i].kind === 'mask' ? [high, high] : [low, high];
  };
  const spans = single.map(({ name }, i) => `${name} in [${drawRange(i).join(', ')}]`).join(', ');
  notes.warn(
    `no seeds given: drew ${DRAWN_SEED_COUNT} at random, ${spans}; real inputs find more: give some with --seeds, and their legal values with --range`,
  );
  return drawSeeds(inputs, drawRange, DRAWN_SEED_COUNT, randomStream(masterSeed, 'seeds'));
}
