import type { InputSpec } from '../model.ts';
import type { DerivedInputKind } from './derived-input.ts';

/** An input of tokens. */
export interface TokenBinding {
  readonly kind: 'tokens';
  readonly input: InputSpec;
  /** Tokens of a one-hot vector; undefined where the input takes ids. */
  readonly oneHotSize: number | undefined;
  /** True if there is a dimension for positions: `[batch, length]` and not `[batch]`. */
  readonly hasPositions: boolean;
}

/** An input of a recurrent state or a KV cache. */
export interface StateBinding {
  readonly kind: 'state';
  readonly input: InputSpec;
  /** Output that the input takes at the next step. */
  readonly output: string;
  readonly batchAxis: number;
  /** Axis that grows with the text; undefined for a state of one size. */
  readonly growthAxis: number | undefined;
}

/** An input that follows from the text's length. */
export interface DerivedBinding {
  readonly kind: DerivedInputKind;
  readonly input: InputSpec;
}

export type InputBinding = TokenBinding | StateBinding | DerivedBinding;

/** Roles of a language model's inputs and outputs. */
export interface IoBinding {
  /** One for each input, in the model's order. */
  readonly inputs: readonly InputBinding[];
  readonly logits: string;
  /** Number of tokens that the model knows. */
  readonly vocabularySize: number;
  /** `recurrent`: a state of one size, one token a step; `cached`: a growing cache; `window`: the whole text each step. */
  readonly mode: 'recurrent' | 'cached' | 'window';
  /** True if there are logits for each position, and not for the last alone. */
  readonly hasLogitsPerPosition: boolean;
  /** Tokens of one run, if the model fixes them. */
  readonly windowLength: number | undefined;
  /** False if the model has no free batch dimension and runs one row at a time. */
  readonly isBatched: boolean;
}

export function stateBindings({ inputs }: IoBinding): StateBinding[] {
  return inputs.filter((binding) => binding.kind === 'state');
}

/** Outputs that are states of the next step, in the order of their inputs. */
export function stateOutputs(binding: IoBinding): string[] {
  return stateBindings(binding).map(({ output }) => output);
}
