import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { Model } from '../model.ts';

/** Names of a language model's tensors, for those that cannot be inferred. */
export interface TensorNames {
  /** Input of token ids, or of one-hot tokens. */
  readonly tokens?: string | undefined;
  /** Output of logits for the next token. */
  readonly logits?: string | undefined;
  /** For each state input, the output that it takes at the next step. */
  readonly states?: Readonly<Record<string, string>> | undefined;
}

export function unknownTensorError(
  model: Model,
  side: 'input' | 'output',
  name: string,
  known: readonly string[],
): UserError {
  return new UserError(`generate: ${model.path} has no ${side} ${name}: ${suggestName(name, known)}`);
}
