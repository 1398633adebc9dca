import type { CampaignConfig, PictureSettings } from '../config/schema.ts';
import { byInput } from '../config/values.ts';
import { UserError } from '../errors.ts';
import type { Pixels } from '../inputs/fit.ts';
import { type Guess, guessInput } from '../inputs/guess.ts';
import { type Picture, pictureOf } from '../inputs/picture.ts';
import { drawSeeds, readSeeds, type Seeds } from '../inputs/seeds.ts';
import { fixShapes } from '../inputs/shape.ts';
import type { InputSpec, ModelInfo } from '../models/model.ts';
import { testcaseInputs } from '../models/rows.ts';
import { DTYPES } from '../models/tensor.ts';
import { intervalAt, isNumeric, type Range } from '../mutators/constraint.ts';
import { makeMutator, mutatorName } from '../mutators/registry.ts';
import { randomStream } from '../random.ts';
import { suggestion } from '../suggest.ts';
import { checkSeeds, declaredRanges, rangeOfPicture, rangeOfSeeds } from './ranges.ts';
import type { Notes } from './target.ts';

/** Values that levels are laid onto where nobody says. */
const UNDECLARED = [0, 1] as const;

/** Seeds drawn where the user gives none. */
const DRAWN_SEEDS = 32;

/** Everything about inputs that the settings decide. */
export interface InputPlan {
  /** The model's inputs, with the sizes fixed that the settings fix. */
  readonly inputs: readonly InputSpec[];
  readonly seeds: Seeds;
  /** Legal values of each input, in the model's order. */
  readonly ranges: readonly Range[];
  /** The spec of each input's mutator; null leaves it alone. */
  readonly mutators: readonly (string | null)[];
  /** What each input's values look like; undefined for those that are no pictures. */
  readonly pictures: readonly (Picture | undefined)[];
}

/** `input:mutator` of every input that is mutated, as lineages have it. */
export function mutatorNames(inputs: readonly InputSpec[], mutators: InputPlan['mutators']): string[] {
  return inputs.flatMap(({ name }, i) => {
    const spec = mutators[i];
    return spec === null ? [] : [`${name}:${mutatorName(spec)}`];
  });
}

/** Reads or draws the seeds, and settles each input's range, mutator and looks. */
export async function planInputs(
  model: ModelInfo,
  config: CampaignConfig,
  masterSeed: string,
  notes: Notes,
): Promise<InputPlan> {
  const inputs = fixShapes(model.inputs, config.shape);
  if (inputs.length === 0) throw new UserError(`${model.path} takes no inputs: there is nothing to fuzz`);
  const names = inputs.map((input) => input.name);
  const preprocess = new Map(Object.entries(config.preprocess ?? {}));
  for (const name of preprocess.keys()) {
    if (!names.includes(name))
      throw new UserError(`preprocess: the model has no input ${name}: ${suggestion(name, names)}`);
  }
  const single = testcaseInputs(inputs);
  const guesses = single.map((input) => guessInput(input, model.graph));
  const { declared, pixels } = settlePixels(single, guesses, declaredRanges(config.range, names), preprocess);
  const mutators = chooseMutators(config.mutator, single, guesses, notes);
  const places = byInput(config.seeds, names);
  const given = places.forAll.length + places.byName.size > 0;
  const rangeOf = (i: number): Range => declared.get(names[i]) ?? interval(guesses[i].range);
  const seeds = given
    ? await readSeeds(inputs, places, (name) => pixels[names.indexOf(name)])
    : drawn(single, guesses, rangeOf, inputs, masterSeed, notes);
  const ranges = single.map((input, i) => {
    if (declared.has(input.name) || !given) return rangeOf(i);
    const { range, stays } = rangeOfSeeds(input, seeds, i, mutators, config.mutator);
    if (stays && mutators[i] !== null) {
      mutators[i] = null;
      notes.info(`input ${input.name} is the same in all seeds: it stays so; --range would have it mutated`);
    }
    return range;
  });
  single.forEach((input, i) => {
    if (mutators[i] !== null) checkSeeds(input, ranges[i], seeds, i);
  });
  const pictures = single.map((input, i) =>
    pictureOf(input, preprocess.get(input.name), [ranges[i].low, ranges[i].high]),
  );
  return { inputs, seeds, ranges, mutators, pictures };
}

function interval([low, high]: readonly [number, number]): Range {
  return { low, high };
}

/** How inputs take pictures; where that is declared, the ranges follow from it unless they are declared too. */
function settlePixels(
  single: readonly InputSpec[],
  guesses: readonly Guess[],
  ranges: ReadonlyMap<string, Range>,
  preprocess: ReadonlyMap<string, PictureSettings>,
): { readonly declared: ReadonlyMap<string, Range>; readonly pixels: readonly Pixels[] } {
  const declared = new Map(ranges);
  const pixels = single.map((input, i) => {
    const range = ranges.get(input.name);
    const guessed = guesses[i].kind === 'image' ? guesses[i].range : UNDECLARED;
    // Whole numbers are levels as they are.
    const isLaid = DTYPES[input.type].kind === 'float';
    const declaredEnds = range === undefined ? guessed : ([range.low, range.high] as const);
    const laid = isLaid ? declaredEnds : ([0, 255] as const);
    const settings = preprocess.get(input.name);
    const picture = pictureOf(input, settings, laid);
    if (settings !== undefined && picture !== undefined && range === undefined) {
      declared.set(input.name, rangeOfPicture(picture));
    }
    return { interval: laid, picture };
  });
  return { declared, pixels };
}

function drawn(
  single: readonly InputSpec[],
  guesses: readonly Guess[],
  rangeOf: (input: number) => Range,
  inputs: readonly InputSpec[],
  masterSeed: string,
  notes: Notes,
): Seeds {
  const drawRange = (i: number, position = 0, size = 1): readonly [number, number] => {
    const { low, high } = size === 1 ? rangeOf(i) : intervalAt(rangeOf(i), position, size);
    // A mask that hides all of a testcase makes nothing of it.
    return guesses[i].kind === 'mask' ? [high, high] : [low, high];
  };
  const spans = single.map(({ name }, i) => `${name} in [${drawRange(i).join(', ')}]`).join(', ');
  notes.warn(
    `no seeds given: drew ${DRAWN_SEEDS} at random, ${spans}; real inputs find more: give some with --seeds, and their legal values with --range`,
  );
  return drawSeeds(inputs, drawRange, DRAWN_SEEDS, randomStream(masterSeed, 'seeds'));
}

function chooseMutators(
  setting: CampaignConfig['mutator'],
  inputs: readonly InputSpec[],
  guesses: readonly Guess[],
  notes: Notes,
): (string | null)[] {
  const names = inputs.map((input) => input.name);
  const { forAll, byName } = byInput(setting, names);
  if (forAll.length > 1)
    throw new UserError(
      `--mutator: give one for all inputs, or one for each as name=mutator; not ${forAll.join(' ')}`,
    );
  for (const name of byName.keys()) {
    if (!names.includes(name))
      throw new UserError(`mutator: the model has no input ${name}: ${suggestion(name, names)}`);
  }
  for (const spec of forAll) {
    const [name, ...rest] = spec.split('=');
    if (rest.length > 0 && !name.includes(':')) {
      throw new UserError(`--mutator: the model has no input ${name}: ${suggestion(name, names)}`);
    }
  }
  const chosen = inputs.map((input, i) => {
    const spec = byName.get(input.name) ?? forAll[0];
    if (spec !== undefined) return makeMutator(spec) === undefined ? null : spec;
    if (guesses[i].kind === 'mask' && inputs.length > 1) {
      notes.info(`input ${input.name} looks like a mask: it stays as its seeds have it`);
      return null;
    }
    return isNumeric(input.type) ? 'gaussian' : 'flip';
  });
  if (chosen.every((mutator) => mutator === null)) {
    throw new UserError(
      '--mutator leaves every input as it is: nothing would change; name a mutator for one of them',
    );
  }
  return chosen;
}
