import { DTYPES } from '../../tensor/tensor.ts';
import type { Model } from '../model.ts';
import { derivedInputKind } from './derived-input.ts';
import { type TensorNames, unknownTensorError } from './tensor-names.ts';

/**
 * Pairs each state input with the output that it takes at the next step: as named, else by similar names, else by
 * order.
 *
 * @throws UserError if a named tensor does not exist
 */
export function pairStates(model: Model, names: TensorNames): ReadonlyMap<string, string> {
  if (names.states !== undefined) return checkNamedStates(model, names.states);
  const pairs = pairByName(model, names);
  return pairs.size > 0 ? pairs : pairByOrder(model, names);
}

function checkNamedStates(
  model: Model,
  states: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const inputs = model.inputs.map(({ name }) => name);
  for (const [input, output] of Object.entries(states)) {
    if (!inputs.includes(input)) throw unknownTensorError(model, 'input', input, inputs);
    if (!model.outputs.includes(output)) throw unknownTensorError(model, 'output', output, model.outputs);
  }
  return new Map(Object.entries(states));
}

function pairByName(model: Model, names: TensorNames): ReadonlyMap<string, string> {
  const outputs = new Map(model.outputs.map((name) => [baseStateName(name), name]));
  const pairs = new Map<string, string>();
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
  return pairs;
}

/** Pairs the floating-point inputs beside the tokens with the outputs beside the logits, if there are as many. */
function pairByOrder(model: Model, names: TensorNames): ReadonlyMap<string, string> {
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
  const others = model.outputs.filter((name) => name !== names.logits);
  const carriedOutputs = names.logits === undefined ? others.slice(1) : others;
  if (carried.length !== carriedOutputs.length) return new Map();
  return new Map(carried.map(({ name }, i) => [name, carriedOutputs[i]]));
}

/** A state's name without the words that tell input from output. */
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
