import type { InputEvidence } from '../model/input-evidence.ts';
import type { InputSpec } from '../model/model.ts';
import { DTYPES, sizeOf } from '../tensor/tensor.ts';
import { looksLikeImage } from './image.ts';

/**
 * Kind of an input, guessed from its name, type, shape and what the graph does with it. A `state` is what a recurrent
 * network hands from one step to the next; a `selector` is one value that the model compares with constants.
 */
export type InputKind =
  | 'image'
  | 'audio'
  | 'tokens'
  | 'mask'
  | 'state'
  | 'selector'
  | 'sequence'
  | 'features'
  | 'flag'
  | 'number'
  | 'array'
  | 'strings';

/** A kind with the reason for it, a clause for messages. */
export interface GuessedKind {
  readonly kind: InputKind;
  readonly reason: string;
}

const MASK_NAME_PATTERN = /mask/i;
const TOKENS_NAME_PATTERN = /token|input_?ids|ids$|word|text|position|segment|type_?ids/i;
const STATE_NAME_PATTERN =
  /^[hc]_?(?:0|n|in|prev)?$|(?:^|[_./-])(?:state|hidden|cell|cache|memory)|past_key/i;
const AUDIO_NAME_PATTERN = /audio|wav|speech|pcm|sound|voice|signal|^samples$/i;
const FEATURES_NAME_PATTERN = /mel|spec|fbank|mfcc|cepstr|feat/i;
export const SAMPLE_RATE_PATTERN = /^(?:sr|fs)$|sampl(?:e|ing)_?rate/i;

/** Whether an input's name says that it is the state of a recurrent network. */
export function isStateName(name: string): boolean {
  return STATE_NAME_PATTERN.test(name);
}

/** Shortest sequence of fixed length that is taken for tokens: categories of a table are looked up as well. */
const MIN_TOKENS = 8;

/** Shortest signal of fixed length that is taken for audio: 10 ms at 16 kHz. */
const MIN_AUDIO_SAMPLES = 160;

/** Numbers of mel bands that front ends of speech models use. */
const MEL_BANDS: ReadonlySet<number | null> = new Set([40, 64, 80, 96, 128]);

/** The sides of a picture without a channel dimension differ by at most this factor. */
const MAX_ASPECT_RATIO = 2;

/** Names of all inputs and outputs of a model. */
export interface TensorNames {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** @param input without the batch dimension */
export function inferInputKind(
  input: InputSpec,
  evidence: InputEvidence = {},
  names?: TensorNames,
): InputKind {
  return guessInputKind(input, evidence, names).kind;
}

/**
 * Guesses the kind of an input.
 *
 * @param input without the batch dimension
 * @param names a state is told by its name alone where an output has a name like it
 */
export function guessInputKind(
  input: InputSpec,
  evidence: InputEvidence = {},
  names: TensorNames = { inputs: [], outputs: [] },
): GuessedKind {
  const { name, type, shape, strings } = input;
  if (strings !== undefined) return { kind: 'strings', reason: 'its type is string' };
  const { kind } = DTYPES[type];
  const byName = { reason: `by its name and type ${type}` };
  if (MASK_NAME_PATTERN.test(name) && kind !== 'float') return { kind: 'mask', ...byName };
  if (kind === 'bool') return { kind: 'flag', reason: 'its type is bool' };
  if (isSingle(shape)) return scalarKind(input, evidence, names);
  const isSequence = shape.includes(null) || shape.some((size) => (size ?? 0) >= MIN_TOKENS);
  if (evidence.lookupRows !== undefined && evidence.isEmbedding === true && shape.length <= 2 && isSequence)
    return { kind: 'tokens', reason: `its values index a table of ${evidence.lookupRows} rows` };
  const state = kind === 'float' && names.inputs.length > 1 ? stateReason(name, evidence, names) : undefined;
  if (state !== undefined) return { kind: 'state', reason: state };
  const isIdType = type === 'int64' || type === 'int32';
  if (isIdType && shape.length <= 2 && (TOKENS_NAME_PATTERN.test(name) || shape.includes(null)))
    return {
      kind: 'tokens',
      reason: TOKENS_NAME_PATTERN.test(name) ? byName.reason : `whole numbers (${type}) of dynamic length`,
    };
  const audio = kind === 'float' ? audioReason(name, shape, evidence) : undefined;
  if (audio !== undefined) return { kind: 'audio', reason: audio };
  if (looksLikeImage(shape) && !(isIdType && shape.length === 2)) return pictureOrSteps(input, evidence);
  return byShape(shape, kind);
}

function byShape(shape: InputSpec['shape'], kind: 'float' | 'int' | 'bool'): GuessedKind {
  if (shape.length === 1) return { kind: 'features', reason: 'it has one dimension' };
  if (shape.length === 2 && kind === 'float') return { kind: 'sequence', reason: 'it has two dimensions' };
  return { kind: 'array', reason: 'nothing in its shape or name suggests another kind' };
}

function isSingle(shape: InputSpec['shape']): boolean {
  return shape.length === 0 || (shape.length === 1 && shape[0] === 1);
}

/** A value that the model compares with constants, or whose name is a sample rate, selects how the model works. */
function scalarKind(
  { name, type, shape }: InputSpec,
  { comparedWith = [] }: InputEvidence,
  { inputs }: TensorNames,
): GuessedKind {
  const isOther = inputs.length > 1;
  if (isOther && comparedWith.length > 0)
    return { kind: 'selector', reason: `the model compares it with ${comparedWith.slice(0, 4).join(', ')}` };
  if (isOther && DTYPES[type].kind === 'int' && SAMPLE_RATE_PATTERN.test(name))
    return { kind: 'selector', reason: 'its name is that of a sample rate' };
  return shape.length === 0
    ? { kind: 'number', reason: 'it is one value' }
    : { kind: 'features', reason: 'it has one dimension' };
}

/** Why an input is the state of a recurrent network; undefined where nothing says so. */
function stateReason(name: string, { stateOf }: InputEvidence, { outputs }: TensorNames): string | undefined {
  if (stateOf !== undefined) return `it is the initial state of ${stateOf}`;
  if (!STATE_NAME_PATTERN.test(name)) return undefined;
  const base = name.replace(/_?(?:0|in|prev)$/i, '').toLowerCase();
  const next = outputs.find((output) => base !== '' && output.toLowerCase().startsWith(base));
  return next === undefined ? undefined : `its name says so, and output ${next} is the next one`;
}

/** Why a float input holds samples of sound; undefined where nothing says so. */
function audioReason(name: string, shape: InputSpec['shape'], { readAs }: InputEvidence): string | undefined {
  const samples = shape.at(-1);
  if (samples === undefined || FEATURES_NAME_PATTERN.test(name)) return undefined;
  const channels = shape.slice(0, -1);
  // A dimension left open before the last is a batch that no other input shares.
  const isLong = samples === null || samples >= MIN_AUDIO_SAMPLES;
  if (!isLong || channels.some((size) => size !== null && size > 2)) return undefined;
  if (readAs?.kind === 'signal') return `${readAs.by} reads it as a signal of one channel`;
  if (channels.length <= 2 && AUDIO_NAME_PATTERN.test(name))
    return 'its name and its one long dimension say so';
  return undefined;
}

/** Tells pictures from spectrograms and other sequences of feature vectors, which have the same number of dimensions. */
function pictureOrSteps(
  { name, type, shape, dimensions = [] }: InputSpec,
  { readAs }: InputEvidence,
): GuessedKind {
  const picture: GuessedKind = { kind: 'image', reason: 'it has the shape of an image' };
  if (DTYPES[type].kind !== 'float') return picture;
  const steps = (reason: string): GuessedKind => ({
    kind: shape.length === 2 ? 'sequence' : 'array',
    reason,
  });
  const channels = shape.length === 2 ? 1 : Math.min(...[shape[0], shape[2]].map((size) => size ?? 3));
  if (channels !== 1) return picture;
  if ([name, ...dimensions].some((word) => word !== null && FEATURES_NAME_PATTERN.test(word)))
    return steps('its name is that of features such as a spectrogram');
  const sides = sidesOf(shape);
  const [least, most] = sides.map((side) => side ?? 0).sort((a, b) => a - b);
  if (shape.length === 2) {
    if (readAs?.kind === 'steps') return steps(`${readAs.by} reads it as a sequence of vectors`);
    if (least > 0 && most > MAX_ASPECT_RATIO * least)
      return steps(`${least} by ${most} values without channels are treated as vectors, not as a picture`);
    if (least !== most && sides.some((side) => MEL_BANDS.has(side)))
      return steps(`${sides.find((side) => MEL_BANDS.has(side))} is a usual number of mel bands`);
    return picture;
  }
  const [height, width] = sides;
  if (MEL_BANDS.has(height) && (width === null || width > MAX_ASPECT_RATIO * (height ?? 0)))
    return steps(`${height} is a usual number of mel bands`);
  return picture;
}

/** Height and width of a shape of two dimensions, or of three of which one is a channel. */
function sidesOf(shape: InputSpec['shape']): readonly (number | null)[] {
  if (shape.length === 2) return shape;
  return shape[0] === 1 ? shape.slice(1) : shape.slice(0, 2);
}

/** Number of values of one testcase; undefined where a size is open. */
export function fixedSize(shape: InputSpec['shape']): number | undefined {
  const sizes = shape.filter((size) => size !== null);
  return sizes.length === shape.length ? sizeOf(sizes) : undefined;
}
