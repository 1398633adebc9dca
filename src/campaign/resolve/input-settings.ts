import type { InputConfig, ModelConfig, MutationConfig, PreprocessSettings } from '../../config/schema.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { PixelScaling } from '../../inputs/fit-to-input.ts';
import { fixFreeShapes } from '../../inputs/free-shapes.ts';
import { type InferredInput, inferInputs } from '../../inputs/infer-input.ts';
import type { Range } from '../../inputs/range.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import type { InputSpec, ModelInfo } from '../../model/model.ts';
import { MAX_CODE_POINT } from '../../tensor/strings.ts';
import type { Notices } from './model-settings.ts';
import { resolvePixelScaling } from './pixel-scaling.ts';
import { declaredRanges } from './ranges.ts';
import { type RequestedMutators, requestedMutators } from './requested-mutators.ts';
import { planStrings, type StringPlan } from './strings.ts';
import { type RequestedTable, requestedTables } from './tables.ts';
import { planTokens, readDictionaryWords, type TokenPlan } from './tokens.ts';

/** What model and settings say of the inputs before seeds are read. Arrays are by input, in the model's order. */
export interface InputSettings {
  /** With the batch dimension, and with the sizes fixed that the settings fix. */
  readonly inputs: readonly InputSpec[];
  /** The same without the batch dimension: as testcases have them. */
  readonly testcaseInputs: readonly InputSpec[];
  readonly inferredInputs: readonly InferredInput[];
  readonly requestedMutators: readonly RequestedMutators[];
  /** By input name; absent where neither settings nor the input's kind declare one. */
  readonly declaredRanges: ReadonlyMap<string, Range>;
  readonly preprocess: ReadonlyMap<string, PreprocessSettings>;
  readonly pixelScalings: readonly PixelScaling[];
  readonly requestedTables: readonly RequestedTable[];
  /** Undefined for an input that takes no tokens. */
  readonly tokens: readonly (TokenPlan | undefined)[];
  /** Undefined for an input that takes no strings. */
  readonly strings: readonly (StringPlan | undefined)[];
  /** Names of the model's classes; undefined where it has none. */
  readonly classes: readonly string[] | undefined;
  /** Words of the dictionaries as token ids. */
  readonly dictionaries: readonly (readonly (readonly number[])[])[];
}

/**
 * Reads the settings of the model's inputs.
 *
 * @throws UserError on settings that name an input the model does not have, or do not fit it
 */
export async function readInputSettings(
  model: ModelInfo,
  config: ModelConfig & InputConfig & MutationConfig,
  notices: Notices,
): Promise<InputSettings> {
  const inputs = fixFreeShapes(model.inputs, config.shape);
  if (inputs.length === 0) throw new UserError(`${model.path} has no inputs: there is nothing to fuzz`);
  const names = inputs.map(({ name }) => name);
  const preprocess = new Map(Object.entries(config.preprocess ?? {}));
  for (const name of preprocess.keys()) {
    if (!names.includes(name))
      throw new UserError(`preprocess: the model has no input ${name}: ${suggestName(name, names)}`);
  }
  const testcaseInputs = stripBatchDimension(inputs);
  const inferredInputs = inferInputs(testcaseInputs, model);
  const tokens = await planTokens(testcaseInputs, inferredInputs, config, model.generation);
  const strings = await planStrings(testcaseInputs, config);
  const mutators = await requestedMutators(config.mutator, testcaseInputs, inferredInputs);
  const ranges = declaredRanges(config.range, names);
  for (const [i, plan] of tokens.entries())
    if (plan?.ids !== undefined && !ranges.has(names[i])) ranges.set(names[i], plan.ids);
  // A range that is given for all inputs is one of numbers.
  for (const [i, plan] of strings.entries())
    if (plan !== undefined) ranges.set(names[i], { low: 0, high: MAX_CODE_POINT });
  const scaled = resolvePixelScaling(testcaseInputs, inferredInputs, ranges, preprocess);
  const tableOf = requestedTables(config.table, names);
  return {
    inputs,
    testcaseInputs,
    inferredInputs,
    requestedMutators: mutators,
    declaredRanges: scaled.declaredRanges,
    preprocess,
    pixelScalings: scaled.scalings,
    requestedTables: names.map(tableOf),
    tokens,
    strings,
    classes: model.classes?.values().next().value,
    dictionaries: await readDictionaryWords(config, testcaseInputs, tokens, notices),
  };
}

/** The declared range of an input, else the one inferred from the model. */
export function rangeWithoutSeeds(
  { testcaseInputs, declaredRanges, inferredInputs }: InputSettings,
  input: number,
): Range {
  return declaredRanges.get(testcaseInputs[input].name) ?? inferredInputs[input].range;
}
