import { resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { byInput } from '../config/values.ts';
import { type Measure, measureOf } from '../coverage/measure.ts';
import { UserError } from '../errors.ts';
import { drawSeeds, readSeeds, type Seeds } from '../inputs/seeds.ts';
import { findLogits } from '../models/graph/logits.ts';
import type { InputSpec, ModelInfo } from '../models/model.ts';
import { makeData, readNumber, writeNumber } from '../models/tensor.ts';
import { isNumeric, type Range } from '../mutators/constraint.ts';
import { makeMutator, mutatorName } from '../mutators/registry.ts';
import { randomStream } from '../random.ts';
import { suggestion } from '../suggest.ts';

/** Legal values where neither the user nor a seed says. */
const UNDECLARED: Range = { low: 0, high: 1 };

/** Seeds drawn where the user gives none. */
const DRAWN_SEEDS = 32;

/** Tells people what was chosen for them and what they should know. */
export interface Notes {
  info(text: string): void;
  warn(text: string): void;
}

/** The tensors that are watched, and why. */
export interface CoverageChoice {
  readonly tensors: readonly string[];
  readonly why: string;
  readonly measure: Measure;
}

/** Everything about inputs that the settings decide. */
export interface InputPlan {
  /** The model's inputs, with the sizes fixed that the settings fix. */
  readonly inputs: readonly InputSpec[];
  readonly seeds: Seeds;
  /** Legal values of each input, in the model's order. */
  readonly ranges: readonly Range[];
  /** The spec of each input's mutator; null leaves it alone. */
  readonly mutators: readonly (string | null)[];
}

/** `input:mutator` of every input that is mutated, as lineages have it. */
export function mutatorNames(inputs: readonly InputSpec[], mutators: InputPlan['mutators']): string[] {
  return inputs.flatMap(({ name }, i) => {
    const spec = mutators[i];
    return spec === null ? [] : [`${name}:${mutatorName(spec)}`];
  });
}

/** Reads or draws the seeds, and settles each input's range and mutator. */
export async function planInputs(
  model: ModelInfo,
  config: CampaignConfig,
  masterSeed: string,
  notes: Notes,
): Promise<InputPlan> {
  const { inputs } = model;
  const names = inputs.map((input) => input.name);
  const declared = declaredRanges(config.range, names);
  const mutators = chooseMutators(config.mutator, inputs, notes);
  const places = byInput(config.seeds, names);
  const given = places.forAll.length + places.byName.size > 0;
  const seeds = given
    ? await readSeeds(inputs, places, (name) => {
        const range = declared.get(name);
        return range === undefined ? undefined : [range.low, range.high];
      })
    : drawn(inputs, declared, masterSeed, notes);
  const ranges = inputs.map(
    (input, i) =>
      declared.get(input.name) ?? (given ? rangeOfSeeds(input, seeds, i, mutators[i]) : UNDECLARED),
  );
  inputs.forEach((input, i) => {
    if (mutators[i] !== null) checkSeeds(input, ranges[i], seeds, i);
  });
  return { inputs, seeds, ranges, mutators };
}

function declaredRanges(
  setting: CampaignConfig['range'],
  names: readonly string[],
): ReadonlyMap<string, Range> {
  const declared = new Map<string, Range>();
  if (setting === undefined) return declared;
  if (Array.isArray(setting)) {
    const [low, high] = setting as [number, number];
    for (const name of names) declared.set(name, { low, high });
    return declared;
  }
  for (const [name, [low, high]] of Object.entries(setting as Record<string, [number, number]>)) {
    if (!names.includes(name))
      throw new UserError(`--range: the model has no input ${name}: ${suggestion(name, names)}`);
    declared.set(name, { low, high });
  }
  return declared;
}

function drawn(
  inputs: readonly InputSpec[],
  declared: ReadonlyMap<string, Range>,
  masterSeed: string,
  notes: Notes,
): Seeds {
  const rangeOf = (input: InputSpec): readonly [number, number] => {
    const range = declared.get(input.name) ?? UNDECLARED;
    return [range.low, range.high];
  };
  const spans = inputs.map((input) => `${input.name} in [${rangeOf(input).join(', ')}]`).join(', ');
  notes.warn(
    `no seeds given: drew ${DRAWN_SEEDS} at random, ${spans}; real inputs find more: give some with --seeds, and their legal values with --range`,
  );
  return drawSeeds(inputs, rangeOf, DRAWN_SEEDS, randomStream(masterSeed, 'seeds'));
}

function rangeOfSeeds(input: InputSpec, seeds: Seeds, column: number, mutator: string | null): Range {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { columns } of seeds) {
    for (let i = 0; i < columns[column].length; i++) {
      const value = readNumber(input.type, columns[column], i);
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (mutator !== null && low === high) {
    throw new UserError(
      `every seed has the value ${low} throughout input ${input.name}, so its range is unknown: give it with --range ${input.name}=lo,hi`,
    );
  }
  return { low, high };
}

function checkSeeds(input: InputSpec, range: Range, seeds: Seeds, column: number): void {
  // A range's end such as 0.7 is another number in the input's type.
  const ends = makeData(input.type, 2);
  writeNumber(input.type, ends, 0, range.low);
  writeNumber(input.type, ends, 1, range.high);
  const low = Math.min(range.low, readNumber(input.type, ends, 0));
  const high = Math.max(range.high, readNumber(input.type, ends, 1));
  seeds.forEach(({ columns }, index) => {
    for (let i = 0; i < columns[column].length; i++) {
      const value = readNumber(input.type, columns[column], i);
      if (value < low || value > high) {
        throw new UserError(
          `seed ${index} has ${value} at position ${i} of input ${input.name}, outside its range ${range.low},${range.high}: widen --range or leave the seed out`,
        );
      }
    }
  });
}

function chooseMutators(
  setting: CampaignConfig['mutator'],
  inputs: readonly InputSpec[],
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
  const chosen = inputs.map((input) => {
    const spec = byName.get(input.name) ?? forAll[0];
    if (spec !== undefined) return makeMutator(spec) === undefined ? null : spec;
    if (isNumeric(input.type)) return 'gaussian';
    notes.warn(
      `input ${input.name} is ${input.type}, for which there is no mutator yet: it stays as its seeds have it`,
    );
    return null;
  });
  if (chosen.every((mutator) => mutator === null)) {
    throw new UserError(
      '--mutator leaves every input as it is: nothing would change; name a mutator for one of them',
    );
  }
  return chosen;
}

/**
 * Settles which tensors are the activations.
 *
 * @throws UserError on a tensor that the model does not have
 */
export function chooseCoverage(
  model: ModelInfo,
  config: Pick<CampaignConfig, 'coverage' | 'measure'>,
  masterSeed: string,
): CoverageChoice {
  const measure = measureOf(config.measure, masterSeed);
  const named = ([] as string[]).concat(config.coverage);
  if (named.length === 1 && named[0] === 'auto') {
    const logits = findLogits(model.graph);
    if (logits !== undefined && model.watchable.includes(logits.tensor)) {
      return { tensors: [logits.tensor], why: logits.why, measure };
    }
    return { tensors: [model.outputs[0]], why: 'the output, since the model has no softmax', measure };
  }
  for (const name of named) {
    if (!model.watchable.includes(name)) {
      throw new UserError(
        `--coverage: the model has no tensor ${name}: ${suggestion(name, model.watchable)}`,
      );
    }
  }
  return { tensors: named, why: 'as asked for', measure };
}

/** The model's path as the user wrote it, for findings: the same in two campaigns wherever their folders lie. */
export function modelPath(config: Pick<CampaignConfig, 'model'>): {
  readonly asGiven: string;
  readonly absolute: string;
} {
  const { model } = config;
  if (model === undefined) {
    throw new UserError(
      "no model given: write it first, as in 'neurofuzz fuzz model.onnx --seeds …', or name it in a campaign file with --config",
    );
  }
  return { asGiven: model, absolute: resolve(model) };
}
