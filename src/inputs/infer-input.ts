import { plural } from '../core/format-number.ts';
import type { InputEvidence } from '../model/input-evidence.ts';
import type { InputSpec, ModelInfo } from '../model/model.ts';
import { MAX_CODE_POINT } from '../tensor/strings.ts';
import { DTYPES } from '../tensor/tensor.ts';
import type { DrawnValues } from './draw-seeds.ts';
import { evidenceRange } from './evidence-range.ts';
import { guessInputKind, type InputKind, SAMPLE_RATE_PATTERN, type TensorNames } from './input-kind.ts';
import type { Range } from './range.ts';

/** Kind and range of an input, inferred from the model's graph without seeds. */
export interface InferredInput {
  readonly kind: InputKind;
  readonly kindReason: string;
  /** Legal range unless one is configured or seeds are given. */
  readonly range: Range;
  /** Whether the model determines the range, as by the rows of a lookup table, so that other values are invalid. */
  readonly isFromModel: boolean;
  readonly rangeReason: string;
  /** False where nothing says what the values may be. */
  readonly isRangeKnown: boolean;
  /** What drawn seeds have throughout the input; undefined where they are drawn from its range. */
  readonly seedValue: number | undefined;
  /** Whether it keeps the values of its seeds unless mutators are asked for. */
  readonly stays: boolean;
  /** Operations that fail where a mask hides everything; such a mask is mutated now and then. Undefined for other inputs. */
  readonly maskedSites?: readonly string[] | undefined;
  /** Split values of the model's decision trees, ascending, by column; undefined where no trees read the input. */
  readonly splits: readonly (readonly number[])[] | undefined;
}

/** The reason of a range of which nothing is known. */
export const UNKNOWN_RANGE_REASON = 'the model declares none';

/** Sample rate that most speech models take. */
const USUAL_SAMPLE_RATE = 16_000;

/**
 * Infers kind and range of each input of a model. Commands that say what a model takes and campaigns that fuzz it ask here,
 * so that they say the same.
 *
 * @param inputs without the batch dimension
 */
export function inferInputs(
  inputs: readonly InputSpec[],
  { evidence, outputs = [] }: Pick<ModelInfo, 'evidence' | 'outputs'>,
): InferredInput[] {
  const names = { inputs: inputs.map(({ name }) => name), outputs };
  const inferred = inputs.map((input, i) => inferInput(input, evidence?.[i], names));
  // Something has to be mutated, and masks alone are mutated only now and then.
  return inferred.every(({ stays, maskedSites }) => stays || maskedSites !== undefined)
    ? inferred.map(({ maskedSites: _sites, ...input }) => ({ ...input, stays: false }))
    : inferred;
}

/** @param input without the batch dimension */
export function inferInput(
  input: InputSpec,
  evidence: InputEvidence = {},
  names: TensorNames = { inputs: [input.name], outputs: [] },
): InferredInput {
  const { kind, reason } = guessInputKind(input, evidence, names);
  const { range, reason: rangeReason, isFromModel = false } = inferRange(input, kind, evidence);
  const isAlone = names.inputs.length === 1;
  const maskedSites = kind === 'mask' && !isAlone ? evidence.maskedSites : undefined;
  const mayStay = kind === 'mask' ? maskedSites === undefined : kind === 'state' || kind === 'selector';
  return {
    kind,
    kindReason: reason,
    range,
    rangeReason,
    isRangeKnown: rangeReason !== UNKNOWN_RANGE_REASON,
    isFromModel,
    seedValue: seedValueOf(kind, range, evidence),
    stays: !isAlone && mayStay,
    ...(maskedSites === undefined ? {} : { maskedSites }),
    splits: evidence.splits?.values,
  };
}

function inferRange(
  input: InputSpec,
  kind: InputKind,
  evidence: InputEvidence,
): { readonly range: Range; readonly reason: string; readonly isFromModel?: boolean } {
  const { name, type, strings } = input;
  if (strings !== undefined) {
    const { length } = strings.pool;
    const reason = length === 0 ? 'any strings' : `strings, of which the model lists ${length}`;
    return { range: { low: 0, high: MAX_CODE_POINT }, isFromModel: true, reason };
  }
  if (kind === 'mask' || kind === 'flag')
    return { range: { low: 0, high: 1 }, reason: `it looks like a ${kind}` };
  const rows = evidence.lookupRows;
  if (rows !== undefined && rows > 1) {
    const high = Math.min(rows - 1, DTYPES[type].max);
    return {
      range: { low: 0, high },
      isFromModel: true,
      reason: `indexes of a table of ${plural(rows, 'row')}`,
    };
  }
  if (kind === 'state')
    return { range: { low: -1, high: 1 }, reason: 'usual for states of recurrent networks' };
  if (kind === 'selector') {
    const values = evidence.comparedWith ?? [USUAL_SAMPLE_RATE];
    const reason =
      evidence.comparedWith === undefined
        ? 'the usual sample rate'
        : 'the constants that it is compared with';
    return { range: spanOf(values), reason };
  }
  const fromGraph = evidenceRange(input, kind, evidence);
  if (fromGraph !== undefined) return fromGraph;
  if (kind === 'image' && DTYPES[type].kind === 'int')
    return { range: { low: 0, high: Math.min(255, DTYPES[type].max) }, reason: 'it takes levels' };
  if (kind === 'audio') return { range: { low: -1, high: 1 }, reason: 'usual for audio samples' };
  if (SAMPLE_RATE_PATTERN.test(name) && DTYPES[type].kind === 'int')
    return { range: { low: 8000, high: 48_000 }, reason: 'its name is that of a sample rate' };
  return { range: { low: 0, high: 1 }, reason: UNKNOWN_RANGE_REASON };
}

/** The interval of some values, with a width. */
function spanOf(values: readonly number[]): Range {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { low, high: high > low ? high : low + 1 };
}

/** A mask that hides the whole testcase would leave nothing to fuzz; a state begins at zero; a selector has a value that is known. */
function seedValueOf(kind: InputKind, { high }: Range, { comparedWith }: InputEvidence): number | undefined {
  if (kind === 'mask') return high;
  if (kind === 'state') return 0;
  return kind === 'selector' ? (comparedWith?.[0] ?? USUAL_SAMPLE_RATE) : undefined;
}

/** What seeds of an input are drawn from. @param declared the configured range */
export function seedValues({ range, seedValue, splits, kind }: InferredInput, declared?: Range): DrawnValues {
  // A mask that hides the whole testcase would leave nothing to fuzz.
  const value = kind === 'mask' ? (declared ?? range).high : seedValue;
  if (value !== undefined) return { range: { low: value, high: value } };
  return { range: declared ?? range, splits };
}
