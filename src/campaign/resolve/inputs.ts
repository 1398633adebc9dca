import type { BudgetConfig } from '../../config/budget-section.ts';
import type { CampaignConfig, InputConfig, ModelConfig, MutationConfig } from '../../config/schema.ts';
import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import { ValidCondition } from '../../constraints/valid-condition.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { type LengthChanges, resolveLengthChanges } from '../../fuzzer/generation/length-changes.ts';
import { fixFreeShapes } from '../../inputs/free-shapes.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { TryTestcase } from '../../inputs/sizes/try-sizes.ts';
import { stringsText } from '../../inputs/strings/strings-text.ts';
import type { InputSpec, ModelInfo } from '../../model/model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { attackedSeeds } from '../threat-model/attacked-seeds.ts';
import { chooseMutators, pickShares } from './choose-mutators.ts';
import { describeInputs } from './describe-inputs.ts';
import { explainGuesses, explainLengths } from './explain-inputs.ts';
import { readFixedMasks } from './fixed-masks.ts';
import { inferRanges } from './infer-ranges.ts';
import { readInputSettings } from './input-settings.ts';
import type { Notices } from './model-settings.ts';
import { DRAWN_SEED_COUNT, readReferenceInputs, resolveOpenSizes, resolveSeeds } from './resolve-seeds.ts';
import { drawnSeedCount } from './sizes/workload.ts';
import type { TokenPlan } from './tokens.ts';
import { validSeeds } from './valid-seeds.ts';

/** The resolved inputs of a campaign. Arrays are by input, in the model's order. */
export interface ResolvedInputs {
  /** The model's inputs, with the sizes fixed that the settings fix. */
  readonly inputs: readonly InputSpec[];
  readonly seeds: Seeds;
  /** Inputs that coverage is compared with; undefined without `--coverage-reference`. */
  readonly reference: Seeds | undefined;
  /** Whether the seeds were drawn at random, since none are given. */
  readonly areDrawn: boolean;
  /** The class that each seed shows; undefined without `--labels`. */
  readonly labels: ReadonlyMap<Seeds[number], number> | undefined;
  readonly descriptors: readonly InputDescriptor[];
  /** Specs of mutators; none for an input that keeps the values of its seeds. */
  readonly mutators: readonly (readonly string[])[];
  readonly limits: ConstraintLimits;
  readonly lengthChanges: LengthChanges | undefined;
  /** The text of a testcase, from its first input with a vocabulary. Undefined where none has one. */
  readonly textOf: (testcase: Seeds[number]) => string | undefined;
  /** Undefined for an input that takes no images. */
  readonly imageFormats: readonly (ImageFormat | undefined)[];
}

/** What resolving inputs depends on beside model and settings. */
export interface InputOptions {
  /** Whether the default mix of mutators must leave the class that a seed shows as it is. */
  readonly keepsLabels?: boolean;
  /** Tells which sizes the model runs on, where it leaves some open and there are no seeds. */
  readonly tryRun?: TryTestcase;
  /** Seeds to draw where none are given; by default as many as the model's size allows. */
  readonly drawnSeeds?: number | undefined;
  /** Whether there is a latent space of an input. */
  readonly isEncoded?: ((input: InputSpec) => boolean) | undefined;
}

/**
 * Resolves the settings of inputs against the loaded model: seeds, legal values, mutators and constraints.
 *
 * @throws UserError where settings, seeds and model do not fit each other
 */
export async function resolveInputs(
  model: ModelInfo,
  config: ModelConfig &
    InputConfig &
    MutationConfig &
    Pick<Partial<BudgetConfig>, 'time'> &
    Pick<Partial<CampaignConfig>, 'coverageReference' | 'threatModel' | 'decoder' | 'generator'>,
  masterSeed: string,
  notices: Notices,
  {
    keepsLabels = false,
    tryRun,
    drawnSeeds,
    // Commands that do not mutate do not open the models either.
    isEncoded = () => config.decoder !== undefined || config.generator !== undefined,
  }: InputOptions = {},
): Promise<ResolvedInputs> {
  const shape = await resolveOpenSizes(model, config, tryRun, notices);
  const settings = await readInputSettings(model, { ...config, shape }, notices);
  const { inputs, testcaseInputs, tokens, requestedMutators } = settings;
  const takesPrompts = model.generation !== undefined;
  const count = drawnSeeds ?? drawnSeedCount(model, testcaseInputs, config, DRAWN_SEED_COUNT);
  const seedSet = await resolveSeeds(settings, config, takesPrompts, masterSeed, notices, count);
  // What a model completes are prompts, whatever their type.
  if (!takesPrompts) explainGuesses(settings, config, seedSet.areGiven, notices);
  const ranges = inferRanges(settings, seedSet, config.mutator, notices);
  const fixedMasks = await readFixedMasks(config.fixed, testcaseInputs);
  const descriptors = describeInputs(settings, seedSet.seeds, ranges, fixedMasks, isEncoded);
  const mutators = await chooseMutators(requestedMutators, descriptors, ranges.isKept, {
    keepsLabels,
    refusesMeaningChanges: config.threatModel?.may === 'content-preserving',
    isOnce: mutatesOnce(config),
    allowsOneGeometric: config.deephunter !== undefined,
  });
  const shares = pickShares(mutators, descriptors);
  const isMutated = mutators.map((specs) => specs.length > 0);
  const attacked = attackedSeeds(
    validSeeds(seedSet.seeds, descriptors, isMutated, notices),
    seedSet.labels,
    config.threatModel?.goal,
    notices,
  );
  const limits = {
    ...constraintLimits(config, descriptors, isMutated),
    ...(mutatesOnce(config) ? ({ once: true } as const) : {}),
  };
  const seeds = limits.valid === undefined ? attacked : seedsMeeting(limits.valid, attacked, notices);
  const lengthChanges = resolveLengthChanges(testcaseInputs, descriptors, isMutated, seeds, limits);
  if (seedSet.areGiven && !takesPrompts) explainLengths(testcaseInputs, lengthChanges, config, notices);
  return {
    // Sizes that were chosen to draw seeds of are still open.
    inputs: seedSet.areGiven ? inputs : fixFreeShapes(model.inputs, config.shape),
    seeds,
    reference:
      config.coverageReference === undefined ? undefined : await readReferenceInputs(settings, config),
    areDrawn: !seedSet.areGiven,
    labels: seedSet.labels,
    descriptors: withFollowerSizes(withPickShares(descriptors, shares), lengthChanges),
    mutators,
    limits,
    lengthChanges,
    imageFormats: ranges.imageFormats,
    textOf: testcaseText(tokens, inputs),
  };
}

/** Whether mutants are single mutations: their meaning is kept, and nothing limits their distance. */
function mutatesOnce({
  threatModel,
  linf,
  l2,
  l0,
  edits,
  valid,
}: MutationConfig & Pick<Partial<CampaignConfig>, 'threatModel'>): boolean {
  return (
    threatModel?.may === 'content-preserving' &&
    [linf, l2, l0, edits, valid].every((limit) => limit === undefined)
  );
}

/** @throws UserError where a limit is given that is for none of the inputs that are mutated */
function constraintLimits(
  { linf, l2, l0, edits, deephunter, valid }: MutationConfig,
  descriptors: readonly InputDescriptor[],
  isMutated: readonly boolean[],
): ConstraintLimits {
  const hasCharacters = ({ tokens, strings }: InputDescriptor, i: number): boolean =>
    isMutated[i] && (tokens !== undefined || strings !== undefined);
  if (edits !== undefined && !descriptors.some(hasCharacters))
    throw new UserError('--edits: no input of tokens or strings is mutated; for numbers use --l0');
  const mutated = descriptors.filter((_, i) => isMutated[i]);
  const isOnlyStrings = mutated.length > 0 && mutated.every(({ strings }) => strings !== undefined);
  const norms = { linf, l2, l0, deephunter };
  const norm = Object.entries(norms).find(([, limit]) => limit !== undefined)?.[0];
  if (norm !== undefined && isOnlyStrings)
    throw new UserError(`--${norm} is for numbers, but only strings are mutated: use --edits`);
  return { linf, l2, l0, edits, deephunter, valid };
}

/**
 * The seeds that meet a condition: what mutants of the others are like is not asked.
 *
 * @throws UserError where the condition makes no sense for the inputs, or no seed meets it
 */
function seedsMeeting(valid: string, seeds: Seeds, notices: Notices): Seeds {
  const condition = new ValidCondition(valid);
  const forms = new Map(seeds.map((seed) => [seed.form.key, seed]));
  for (const seed of forms.values()) condition.check(seed);
  const meeting = seeds.filter((seed) => condition.holds(seed, 0, seed));
  if (meeting.length === 0)
    throw new UserError(
      `--valid: ${valid} does not hold for any seed: change the condition, or set other --seeds`,
    );
  if (meeting.length < seeds.length)
    notices.warn(`--valid leaves out ${seeds.length - meeting.length} of ${plural(seeds.length, 'seed')}`);
  return meeting;
}

function withPickShares(
  descriptors: readonly InputDescriptor[],
  shares: readonly (number | undefined)[],
): readonly InputDescriptor[] {
  return descriptors.map((descriptor, i) => {
    const pickShare = shares[i];
    return pickShare === undefined ? descriptor : { ...descriptor, pickShare };
  });
}

/** Inputs that follow the length of another one need buffers as long as that one's. */
function withFollowerSizes(
  descriptors: readonly InputDescriptor[],
  lengthChanges: LengthChanges | undefined,
): readonly InputDescriptor[] {
  if (lengthChanges === undefined) return descriptors;
  const { leader, followers, maxLength } = lengthChanges;
  return descriptors.map((descriptor, i) =>
    i === leader || followers.includes(i)
      ? { ...descriptor, size: Math.max(descriptor.size, maxLength) }
      : descriptor,
  );
}

function testcaseText(
  tokens: readonly (TokenPlan | undefined)[],
  inputs: readonly InputSpec[],
): ResolvedInputs['textOf'] {
  const index = tokens.findIndex((plan) => plan?.tokenizer !== undefined);
  const tokenizer = tokens[index]?.tokenizer;
  if (tokenizer === undefined)
    return inputs.some(({ strings }) => strings !== undefined) ? stringsText : () => undefined;
  return ({ form, inputs }) => {
    const { type, size } = form.inputs[index];
    const ids = Array.from({ length: size }, (_, i) => readNumber(type, inputs[index], i));
    return tokenizer.decode(ids.filter((id) => id >= 0));
  };
}
