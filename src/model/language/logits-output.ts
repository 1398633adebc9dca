import { UserError } from '../../core/errors.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import type { Model, NamedTensor } from '../model.ts';
import { unknownTensorError } from './tensor-names.ts';

const LOGITS_NAME = /logit/i;

/**
 * The output of logits: `[rows, vocabulary]` for the last position, or `[rows, length, vocabulary]` for each.
 *
 * @param outputs of a run
 * @param named output to take; undefined to choose one
 * @param size tokens of the vocabulary; undefined if the model decides
 * @throws UserError if no output is over the vocabulary
 */
export function findLogitsOutput(
  model: Model,
  outputs: readonly NamedTensor[],
  stateOutputs: readonly string[],
  named: string | undefined,
  size: number | undefined,
): NamedTensor {
  const candidates = candidateOutputs(model, outputs, stateOutputs, named);
  const fitting = candidates.filter(
    ({ shape }) =>
      (shape.length === 2 || shape.length === 3) && (size === undefined || shape.at(-1) === size),
  );
  const found = preferLogitsName(fitting);
  if (found !== undefined) return found;
  const nearest = preferLogitsName(candidates);
  if (nearest === undefined)
    throw new UserError(`${model.path} has no output of logits: all outputs are states or not numbers`);
  throw new UserError(
    `${model.path}: the vocabulary has ${size} tokens, and output ${nearest.name} is [${nearest.shape.join(', ')}]: these do not match; use the vocabulary that the model was trained with`,
  );
}

function candidateOutputs(
  model: Model,
  outputs: readonly NamedTensor[],
  stateOutputs: readonly string[],
  named: string | undefined,
): readonly NamedTensor[] {
  if (named === undefined)
    return outputs.filter(({ name, type }) => !stateOutputs.includes(name) && DTYPES[type].kind === 'float');
  const found = outputs.find(({ name }) => name === named);
  if (found === undefined) throw unknownTensorError(model, 'output', named, model.outputs);
  return [found];
}

function preferLogitsName(outputs: readonly NamedTensor[]): NamedTensor | undefined {
  return outputs.find(({ name }) => LOGITS_NAME.test(name)) ?? outputs[0];
}
