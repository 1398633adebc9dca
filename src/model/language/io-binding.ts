import { suggestName } from '../../core/did-you-mean.ts';
import { errorMessage, UserError } from '../../core/errors.ts';
import { DTYPES, makeData, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { InputSpec, Model, NamedTensor } from '../model.ts';

/** Names of a model's tensors that say how it goes on with a text, where they can't be told. */
export interface TensorNames {
  /** The input of token ids, or of tokens one-hot. */
  readonly tokens?: string | undefined;
  /** The output of logits for the next token. */
  readonly logits?: string | undefined;
  /** Of each input that carries state, the output that it takes next. */
  readonly states?: Readonly<Record<string, string>> | undefined;
}

/** An input that carries what the model keeps from step to step. */
export interface StateBinding {
  readonly kind: 'state';
  readonly input: InputSpec;
  readonly output: string;
  /** Which dimension is the batch. */
  readonly batchAxis: number;
  /** Which dimension grows with the text; undefined for a state of one size. */
  readonly growthAxis: number | undefined;
}

/** What each input of a model gets, in the model's order. */
export type InputBinding =
  | {
      readonly kind: 'tokens';
      readonly input: InputSpec;
      readonly isOneHot: boolean;
      /** Whether there is a dimension for the places of tokens. */
      readonly hasPositions: boolean;
    }
  | StateBinding
  | { readonly kind: 'mask' | 'position' | 'segment' | 'branch'; readonly input: InputSpec };

/** How a model takes texts. */
export interface IoBinding {
  readonly inputs: readonly InputBinding[];
  readonly logits: string;
  /** Tokens that it knows. */
  readonly vocabularySize: number;
  /**
   * `recurrent`: a state of one size and a token a step; `cached`: a state that grows; `window`: the text so far anew
   * each time.
   */
  readonly mode: 'recurrent' | 'cached' | 'window';
  /** Whether there are logits for each place, and not for the last alone. */
  readonly hasLogitsPerPosition: boolean;
  /** Tokens that a run takes, where the model fixes that. */
  readonly windowLength: number | undefined;
  /** Rows that a run takes at most: one, where the model has no free batch. */
  readonly isBatched: boolean;
}

/**
 * Finds out how a model takes texts: which input is for tokens, which carry state from which outputs, and where the
 * logits come out. Runs it once for that.
 *
 * @param size tokens of the vocabulary; undefined where the model decides
 * @throws UserError where it can't be told, or the model gives no logits over the vocabulary
 */
export async function bindInputs(
  model: Model,
  names: TensorNames,
  size: number | undefined,
): Promise<IoBinding> {
  const states = pairStates(model, names);
  const rest = model.inputs.filter(({ name }) => !states.has(name));
  const tokens = findTokenInput(model, rest, names.tokens, size);
  const plugs = model.inputs.map((input): InputBinding => {
    const output = states.get(input.name);
    if (output !== undefined) return bindState(model, input, output);
    if (input === tokens) return bindTokens(model, input, size);
    const kind = derivedInputKind(input);
    if (kind !== undefined) return { kind, input };
    throw new UserError(
      `${model.path}: input ${input.name} is neither tokens nor a mask, and no output is its state: name both under states in generate, as {${input.name}: OUTPUT}`,
    );
  });
  const plug = plugs.find(({ kind }) => kind === 'tokens') as Extract<InputBinding, { kind: 'tokens' }>;
  const grows = plugs.some((one) => one.kind === 'state' && one.growthAxis !== undefined);
  const { shape } = plug.input;
  const window =
    plug.hasPositions && typeof shape[1] === 'number' ? shape[1] : plug.hasPositions ? undefined : 1;
  const mode = states.size === 0 ? 'window' : grows ? 'cached' : 'recurrent';
  if (mode !== 'window' && window !== undefined && window !== 1)
    throw new UserError(
      `${model.path} takes ${window} tokens a run and carries state: export it for one token, or for any number`,
    );
  const outputs = await probeOutputs(model, plugs, window);
  const made = [...states.values()];
  const logits = findLogitsOutput(model, outputs, made, names.logits, size);
  return {
    inputs: plugs,
    logits: logits.name,
    vocabularySize: logits.shape.at(-1) as number,
    mode,
    hasLogitsPerPosition: logits.shape.length === 3,
    windowLength: window,
    isBatched: shape[0] === null,
  };
}

/** Which outputs become which inputs at the next step, by the names of the inputs. */
function pairStates(model: Model, names: TensorNames): Map<string, string> {
  const pairs = new Map<string, string>();
  if (names.states !== undefined) {
    const inputs = model.inputs.map(({ name }) => name);
    for (const [input, output] of Object.entries(names.states)) {
      if (!inputs.includes(input)) throw unknownTensorError(model, 'input', input, inputs);
      if (!model.outputs.includes(output)) throw unknownTensorError(model, 'output', output, model.outputs);
      pairs.set(input, output);
    }
    return pairs;
  }
  const outputs = new Map(model.outputs.map((name) => [baseStateName(name), name]));
  for (const { name, type } of model.inputs) {
    const output = outputs.get(baseStateName(name));
    if (
      output !== undefined &&
      DTYPES[type].kind === 'float' &&
      output !== names.logits &&
      name !== names.tokens
    )
      pairs.set(name, output);
  }
  if (pairs.size > 0) return pairs;
  // Names say nothing: inputs of numbers beside tokens, and as many outputs beside the logits, in their order.
  const floats = model.inputs.filter(
    (input) =>
      DTYPES[input.type].kind === 'float' &&
      input.name !== names.tokens &&
      derivedInputKind(input) === undefined,
  );
  const hasIds = model.inputs.some(
    (input) => DTYPES[input.type].kind === 'int' && derivedInputKind(input) === undefined,
  );
  const carried = hasIds || names.tokens !== undefined ? floats : floats.slice(1);
  const [first, ...others] = model.outputs.filter((name) => name !== names.logits);
  const left = names.logits === undefined ? others : [first, ...others];
  if (carried.length > 0 && carried.length === left.length)
    carried.forEach(({ name }, i) => {
      pairs.set(name, left[i]);
    });
  return pairs;
}

/** A state's name without what says whether it goes in or comes out. */
function baseStateName(name: string): string {
  const words = name
    .replace(/^past_key_values\b|^present(?:_key_values)?\b/, '')
    .replace(/:\d+$/, '')
    .replace(/^([hc])_?[0n]$/i, '$1')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '' && !DIRECTION_WORDS.has(word));
  return words.join(' ') || name;
}

const DIRECTION_WORDS = new Set(
  'in input inputs out output outputs past present next new prev previous last initial init before after'.split(
    ' ',
  ),
);

function bindState(model: Model, input: InputSpec, output: string): StateBinding {
  const open = input.shape.flatMap((size, i) => (size === null ? [i] : []));
  if (open.length > 2)
    throw new UserError(
      `${model.path}: input ${input.name} is a state with ${open.length} open sizes: export it with a batch and at most a length open`,
    );
  const [batch = Math.max(0, input.shape.indexOf(1)), grows] = open;
  return { kind: 'state', input, output, batchAxis: batch, growthAxis: grows };
}

function findTokenInput(
  model: Model,
  rest: readonly InputSpec[],
  named: string | undefined,
  size: number | undefined,
): InputSpec {
  if (named !== undefined) {
    const found = model.inputs.find(({ name }) => name === named);
    if (found !== undefined) return found;
    throw unknownTensorError(
      model,
      'input',
      named,
      model.inputs.map(({ name }) => name),
    );
  }
  const free = rest.filter((input) => derivedInputKind(input) === undefined);
  const ids = free.filter(({ type }) => DTYPES[type].kind === 'int');
  const hot = free.filter(({ shape }) => shape.length >= 2 && shape.at(-1) === size);
  const [found] = ids.length > 0 ? ids : hot.length > 0 ? hot : free;
  if (found === undefined)
    throw new UserError(`${model.path} has no input that takes tokens: name it as tokens in generate`);
  return found;
}

function bindTokens(model: Model, input: InputSpec, size: number | undefined): InputBinding {
  const { shape, type, name } = input;
  const last = shape.at(-1);
  const oneHot =
    DTYPES[type].kind === 'float' &&
    typeof last === 'number' &&
    last > 1 &&
    (size === undefined || last === size);
  const places = oneHot ? shape.length - 1 : shape.length;
  if (places === 1 || places === 2)
    return { kind: 'tokens', input, isOneHot: oneHot, hasPositions: places === 2 };
  const what = size === undefined ? '' : ` of ${size}`;
  throw new UserError(
    `${model.path}: input ${name} takes neither token ids, [batch] or [batch, length], nor a vocabulary${what} one-hot: its shape is [${shape.map((side) => side ?? '?').join(', ')}]`,
  );
}

/** Inputs that follow from how long the text is. */
function derivedInputKind({ name, type }: InputSpec): 'mask' | 'position' | 'segment' | 'branch' | undefined {
  if (/mask/i.test(name)) return 'mask';
  if (/position/i.test(name) && DTYPES[type].kind === 'int') return 'position';
  if (/segment|token_?type/i.test(name) && DTYPES[type].kind === 'int') return 'segment';
  return /use_cache/i.test(name) ? 'branch' : undefined;
}

/** One run on the first token, or a window of it. */
async function probeOutputs(
  model: Model,
  plugs: readonly InputBinding[],
  window: number | undefined,
): Promise<readonly NamedTensor[]> {
  const length = window ?? 1;
  const feeds = plugs.map((plug) => makeFeed(plug, 1, length, 0, () => 0));
  try {
    return (await model.run(feeds, [])).outputs;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${model.path} fails on a text of one token: ${errorMessage(error)}`);
  }
}

/** What an input gets that needs no memory of the text: tokens, masks and places, and states as they begin. */
export function makeFeed(
  plug: InputBinding,
  rows: number,
  length: number,
  past: number,
  tokenAt: (row: number, place: number) => number,
): Tensor {
  const { input } = plug;
  const { type } = input;
  if (plug.kind === 'state') {
    const shape = input.shape.map((size, i) =>
      i === plug.batchAxis ? rows : i === plug.growthAxis ? 0 : (size as number),
    );
    return { type, shape, data: makeData(type, sizeOf(shape)) };
  }
  if (plug.kind === 'branch') {
    const data = makeData(type, 1);
    (data as Uint8Array)[0] = past > 0 ? 1 : 0;
    return { type, shape: input.shape.length === 0 ? [] : [1], data };
  }
  if (plug.kind === 'tokens' && plug.isOneHot) {
    const size = input.shape.at(-1) as number;
    const data = makeData(type, rows * length * size);
    for (let row = 0; row < rows; row++)
      for (let place = 0; place < length; place++)
        (data as Float32Array)[(row * length + place) * size + tokenAt(row, place)] = 1;
    return { type, shape: plug.hasPositions ? [rows, length, size] : [rows, size], data };
  }
  const all = plug.kind === 'mask' ? past + length : length;
  const data = makeData(type, rows * all);
  const write = numberWriter(data);
  for (let row = 0; row < rows; row++)
    for (let place = 0; place < all; place++) {
      const value =
        plug.kind === 'tokens'
          ? tokenAt(row, place)
          : plug.kind === 'mask'
            ? 1
            : plug.kind === 'position'
              ? past + place
              : 0;
      write(row * all + place, value);
    }
  const shape = plug.kind === 'tokens' && !plug.hasPositions ? [rows] : [rows, all];
  return { type, shape, data };
}

function numberWriter(data: Tensor['data']): (at: number, value: number) => void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return (at, value) => {
      data[at] = BigInt(value);
    };
  return (at, value) => {
    (data as Int32Array)[at] = value;
  };
}

/** The output that holds a number for each token, for the last place or for every one. */
function findLogitsOutput(
  model: Model,
  outputs: readonly NamedTensor[],
  states: readonly string[],
  named: string | undefined,
  size: number | undefined,
): NamedTensor {
  const free = outputs.filter(({ name, type }) => !states.includes(name) && DTYPES[type].kind === 'float');
  const asked = named === undefined ? undefined : outputs.find(({ name }) => name === named);
  if (named !== undefined && asked === undefined)
    throw unknownTensorError(model, 'output', named, model.outputs);
  const candidates = asked === undefined ? free : [asked];
  const over = (tensor: NamedTensor): boolean =>
    (tensor.shape.length === 2 || tensor.shape.length === 3) &&
    (size === undefined || tensor.shape.at(-1) === size);
  const fitting = candidates.filter(over);
  const found = fitting.find(({ name }) => /logit/i.test(name)) ?? fitting[0];
  if (found !== undefined) return found;
  const [first] = candidates;
  if (first === undefined)
    throw new UserError(`${model.path} has no output of numbers beside its state: no logits`);
  const near = candidates.find(({ name }) => /logit/i.test(name)) ?? first;
  throw new UserError(
    `${model.path}: the vocabulary has ${size} tokens, and output ${near.name} is [${near.shape.join(', ')}]: no logits over it; give the vocabulary that the model was made with`,
  );
}

function unknownTensorError(
  model: Model,
  what: 'input' | 'output',
  name: string,
  known: readonly string[],
): UserError {
  return new UserError(`generate: ${model.path} has no ${what} ${name}: ${suggestName(name, known)}`);
}
