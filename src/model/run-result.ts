import type { Tensor } from '../tensor/tensor.ts';
import type { PrefilledPrompts } from './language/prefilled-prompts.ts';

export interface NamedTensor extends Tensor {
  readonly name: string;
}

/** The worst value in a tensor; NaN is worse than infinity. */
export type Finiteness = 'finite' | 'inf' | 'nan';

/** Result of one model run: outputs and watched tensors, in the order asked for. */
export interface RunResult {
  readonly outputs: readonly NamedTensor[];
  readonly activations: readonly NamedTensor[];
  /** Outputs of the second model of a pair, under the reference's names. */
  readonly secondOutputs?: readonly NamedTensor[];
  /** Prompts as a language model has read them. */
  readonly prefilled?: PrefilledPrompts;
}

/** @throws Error if the run gave no such tensor */
export function tensorNamed(tensors: ReadonlyMap<string, NamedTensor>, name: string): NamedTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the model gave no ${name}`);
  return tensor;
}
