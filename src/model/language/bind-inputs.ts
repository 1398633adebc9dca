import { errorMessage, UserError } from '../../core/errors.ts';
import { DTYPES, sizeOf } from '../../tensor/tensor.ts';
import type { InputSpec, Model, NamedTensor } from '../model.ts';
import { derivedInputKind } from './derived-input.ts';
import type { InputBinding, IoBinding, StateBinding, TokenBinding } from './io-binding.ts';
import { findLogitsOutput } from './logits-output.ts';
import { makeFeed } from './make-feed.ts';
import { pairStates } from './pair-states.ts';
import { type TensorNames, unknownTensorError } from './tensor-names.ts';

/**
 * Infers the roles of a language model's inputs and outputs; runs it once for the shape of its logits.
 *
 * @param names roles that are given
 * @param size tokens of the vocabulary; undefined if the model decides
 * @throws UserError if roles cannot be inferred, or the model gives no logits over the vocabulary
 */
export async function bindInputs(
  model: Model,
  names: TensorNames,
  size: number | undefined,
): Promise<IoBinding> {
  const states = pairStates(model, names);
  const tokens = bindTokens(model, findTokenInput(model, states, names.tokens, size), size);
  const inputs = model.inputs.map((input) => bindInput(model, input, tokens, states));
  const windowLength = fixedLength(tokens);
  const isGrowing = inputs.some((binding) => binding.kind === 'state' && binding.growthAxis !== undefined);
  const mode = states.size === 0 ? 'window' : isGrowing ? 'cached' : 'recurrent';
  if (mode !== 'window' && windowLength !== undefined && windowLength !== 1)
    throw new UserError(
      `${model.path} takes ${windowLength} tokens a run and carries state: export it for one token, or for any number`,
    );
  const outputs = await probeOutputs(model, inputs, windowLength ?? 1);
  const logits = findLogitsOutput(model, outputs, [...states.values()], names.logits, size);
  return {
    inputs,
    logits: logits.name,
    vocabularySize: sizeOf(logits.shape.slice(-1)),
    mode,
    hasLogitsPerPosition: logits.shape.length === 3,
    windowLength,
    isBatched: tokens.input.shape[0] === null,
  };
}

function bindInput(
  model: Model,
  input: InputSpec,
  tokens: TokenBinding,
  states: ReadonlyMap<string, string>,
): InputBinding {
  const output = states.get(input.name);
  if (output !== undefined) return bindState(model, input, output);
  if (input === tokens.input) return tokens;
  const kind = derivedInputKind(input);
  if (kind !== undefined) return { kind, input };
  throw new UserError(
    `${model.path}: input ${input.name} is neither tokens nor a mask, and no output is its state: name both under states in generate, as {${input.name}: OUTPUT}`,
  );
}

function bindState(model: Model, input: InputSpec, output: string): StateBinding {
  const free = input.shape.flatMap((size, axis) => (size === null ? [axis] : []));
  if (free.length > 2)
    throw new UserError(
      `${model.path}: input ${input.name} is a state with ${free.length} dynamic sizes: export it with a dynamic batch and at most one dynamic length`,
    );
  const [batchAxis = Math.max(0, input.shape.indexOf(1)), growthAxis] = free;
  return { kind: 'state', input, output, batchAxis, growthAxis };
}

function findTokenInput(
  model: Model,
  states: ReadonlyMap<string, string>,
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
  const free = model.inputs.filter(
    (input) => !states.has(input.name) && derivedInputKind(input) === undefined,
  );
  const ids = free.filter(({ type }) => DTYPES[type].kind === 'int');
  const oneHot = free.filter(({ shape }) => shape.length >= 2 && shape.at(-1) === size);
  const [found] = ids.length > 0 ? ids : oneHot.length > 0 ? oneHot : free;
  if (found === undefined)
    throw new UserError(
      `${model.path} has no input of tokens that neurofuzz recognises: name it as tokens in generate`,
    );
  return found;
}

function bindTokens(model: Model, input: InputSpec, size: number | undefined): TokenBinding {
  const { shape, name } = input;
  const oneHotSize = oneHotSizeOf(input, size);
  const dimensions = oneHotSize === undefined ? shape.length : shape.length - 1;
  if (dimensions === 1 || dimensions === 2)
    return { kind: 'tokens', input, oneHotSize, hasPositions: dimensions === 2 };
  const vocabulary = size === undefined ? '' : ` of ${size}`;
  throw new UserError(
    `${model.path}: input ${name} takes neither token ids, [batch] or [batch, length], nor a vocabulary${vocabulary} one-hot: its shape is [${shape.map((side) => side ?? '?').join(', ')}]`,
  );
}

function oneHotSizeOf({ shape, type }: InputSpec, size: number | undefined): number | undefined {
  const last = shape.at(-1);
  if (DTYPES[type].kind !== 'float' || typeof last !== 'number' || last <= 1) return undefined;
  return size === undefined || last === size ? last : undefined;
}

/** Tokens that the input takes in each run; undefined if any number. */
function fixedLength({ hasPositions, input }: TokenBinding): number | undefined {
  return hasPositions ? (input.shape[1] ?? undefined) : 1;
}

/** Outputs of a run on one row of tokens with id 0. */
async function probeOutputs(
  model: Model,
  inputs: readonly InputBinding[],
  length: number,
): Promise<readonly NamedTensor[]> {
  const feeds = inputs.map((binding) => makeFeed(binding, { rows: 1, length, past: 0 }, () => 0));
  try {
    return (await model.run(feeds, [])).outputs;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${model.path} fails on a text of one token: ${errorMessage(error)}`);
  }
}
