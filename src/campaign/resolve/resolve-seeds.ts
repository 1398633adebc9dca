import type { CampaignConfig, InputConfig } from '../../config/schema.ts';
import { groupByInput, type ValuesByInput } from '../../config/values.ts';
import { namingFlag, UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { randomStream } from '../../core/random.ts';
import { type DrawnValues, drawSeeds } from '../../inputs/draw-seeds.ts';
import { fixFreeShapes } from '../../inputs/free-shapes.ts';
import { inferInputs, seedValues } from '../../inputs/infer-input.ts';
import { type LabelSource, parseLabelSource, resolveLabels } from '../../inputs/labels.ts';
import { chooseOpenSizes } from '../../inputs/open-sizes.ts';
import { readSeeds, type SeedSources } from '../../inputs/read-seeds.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { TryTestcase } from '../../inputs/sizes/try-sizes.ts';
import { tryOnDrawnTestcase } from '../../inputs/trial-testcase.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import type { InputSpec, ModelInfo } from '../../model/model.ts';
import type { InputSettings } from './input-settings.ts';
import type { Notices } from './model-settings.ts';
import { padSeeds } from './pad-seeds.ts';
import { padStrings } from './strings.ts';

/** Most seeds drawn where none are given. */
export const DRAWN_SEED_COUNT = 32;

/** The seeds of a campaign, before any is refused. */
export interface SeedSet {
  readonly seeds: Seeds;
  /** False for seeds drawn at random: those say nothing about the inputs. */
  readonly areGiven: boolean;
  /** The class that each seed shows; undefined without `--labels`. */
  readonly labels: ReadonlyMap<Seeds[number], number> | undefined;
}

/**
 * Reads the seeds and their labels, or draws seeds where none are given.
 *
 * @param takesPrompts whether the model completes texts: random token ids would be no prompts
 * @param drawn number of seeds to draw
 * @throws UserError where seeds or labels cannot be read or do not fit the model
 */
export async function resolveSeeds(
  settings: InputSettings,
  config: Pick<CampaignConfig, 'seeds' | 'labels' | 'generate'>,
  takesPrompts: boolean,
  masterSeed: string,
  notices: Notices,
  drawn = DRAWN_SEED_COUNT,
): Promise<SeedSet> {
  const names = settings.inputs.map(({ name }) => name);
  const paths = groupByInput(config.seeds, names);
  const areGiven = paths.forAll.length + paths.byName.size > 0;
  const labelSource = config.labels === undefined ? undefined : parseLabelSource(config.labels);
  if (labelSource !== undefined && !areGiven)
    throw new UserError('--labels belong to seeds: set --seeds too');
  if (!areGiven && takesPrompts)
    throw new UserError(
      'a model that completes texts needs prompts: set --seeds prompts.txt, with one prompt per line',
    );
  if (!areGiven)
    return {
      seeds: padStrings(drawRandomSeeds(settings, masterSeed, notices, drawn), settings.strings),
      areGiven,
      labels: undefined,
    };
  const sources: SeedSources = {
    labelColumn: labelSource?.kind === 'column' ? labelSource.column : undefined,
    paths: [],
    labels: [],
  };
  const seeds = await readGivenSeeds(settings, paths, config.generate?.prompts, sources);
  const labels = labelSource && (await readLabels(labelSource, seeds, sources, settings.classes, notices));
  return { seeds, areGiven, labels };
}

/**
 * Reads inputs that are given beside the seeds, as `--coverage-reference` names them.
 *
 * @throws UserError where they cannot be read or do not fit the model
 */
export function readReferenceInputs(
  settings: InputSettings,
  config: Pick<CampaignConfig, 'coverageReference' | 'generate'>,
): Promise<Seeds> {
  const names = settings.inputs.map(({ name }) => name);
  const sources: SeedSources = { labelColumn: undefined, paths: [], labels: [] };
  return namingFlag('--coverage-reference', () =>
    readGivenSeeds(
      settings,
      groupByInput(config.coverageReference, names),
      config.generate?.prompts,
      sources,
    ),
  );
}

async function readGivenSeeds(
  { inputs, pixelScalings, tokens, strings }: InputSettings,
  paths: ValuesByInput<string>,
  splitBy: 'lines' | 'files' | undefined,
  sources: SeedSources,
): Promise<Seeds> {
  const indexOf = (name: string): number => inputs.findIndex((input) => input.name === name);
  const seeds = await readSeeds(
    inputs,
    paths,
    (name) => pixelScalings[indexOf(name)],
    sources,
    (name) => {
      const tokenizer = tokens[indexOf(name)]?.tokenizer;
      const { shape } = inputs[indexOf(name)];
      const maxTokens = shape.length === 2 ? (shape[1] ?? undefined) : undefined;
      return tokenizer && { tokenizer, splitBy, maxTokens };
    },
  );
  return padStrings(padSeeds(seeds, tokens), strings);
}

async function readLabels(
  source: LabelSource,
  seeds: Seeds,
  { paths, labels: columnLabels }: SeedSources,
  classes: readonly string[] | undefined,
  notices: Notices,
): Promise<ReadonlyMap<Seeds[number], number>> {
  const { labels, folderClasses } = await resolveLabels(source, paths, columnLabels, classes);
  if (folderClasses !== undefined) notices.info(folderClasses);
  return new Map(seeds.map((seed, i) => [seed, labels[i]]));
}

function drawRandomSeeds(
  settings: InputSettings,
  masterSeed: string,
  notices: Notices,
  count: number,
): Seeds {
  const { inputs, testcaseInputs, inferredInputs, declaredRanges, strings } = settings;
  const valuesOf = (i: number): DrawnValues =>
    seedValues(inferredInputs[i], declaredRanges.get(inputs[i].name));
  const describe = ({ name }: InputSpec, i: number): string => {
    const plan = strings[i];
    if (plan === undefined) {
      const { low, high } = valuesOf(i).range;
      return `${name} in [${low}, ${high}]`;
    }
    return plan.words.length === 0
      ? `${name} of random letters`
      : `${name} out of ${plural(plan.words.length, 'listed string')}`;
  };
  const intervals = testcaseInputs.map(describe).join(', ');
  notices.warn(
    `no seeds given: neurofuzz drew ${count} at random, ${intervals}; real inputs find more: set --seeds, and their legal values with --range`,
  );
  const random = randomStream(masterSeed, 'seeds');
  return drawSeeds(inputs, valuesOf, count, random, (i) => strings[i]);
}

/**
 * The `shape` setting, completed by sizes that the model runs on where it leaves some open and no seeds bring any.
 *
 * @param run without it, sizes stay open
 * @throws UserError where the model runs on none of the sizes tried
 */
export async function resolveOpenSizes(
  model: ModelInfo,
  { shape, seeds }: Pick<InputConfig, 'shape' | 'seeds'>,
  run: TryTestcase | undefined,
  notices: Notices,
): Promise<InputConfig['shape']> {
  if (seeds !== undefined || model.generation !== undefined || run === undefined) return shape;
  const inputs = fixFreeShapes(model.inputs, shape);
  const inferredInputs = inferInputs(stripBatchDimension(inputs), model);
  const trySizes = tryOnDrawnTestcase(inferredInputs, async (testcase) => (await run(testcase))?.message);
  const { shapes, failure, tries } = await chooseOpenSizes(inputs, inferredInputs, trySizes);
  if (tries === 0) return shape;
  const flags = Object.entries(shapes).map(([name, sizes]) => `${name}=${sizes.join()}`);
  if (failure !== undefined)
    throw new UserError(
      `${model.path} runs on none of ${tries} tried sizes of its dynamic dimensions, such as ${flags.join(' ')} (${failure}): set sizes with --shape ${flags[0]}, or give valid inputs with --seeds`,
    );
  notices.info(
    `dynamic dimensions are set to --shape ${flags.join(' ')}, the first of ${tries} tried sizes that the model runs on; --shape overrides them`,
  );
  return Array.isArray(shape) ? shape : { ...(shape as Record<string, number[]>), ...mutable(shapes) };
}

function mutable(shapes: Readonly<Record<string, readonly number[]>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(shapes).map(([name, sizes]) => [name, [...sizes]]));
}
