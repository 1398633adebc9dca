import type { Tensor } from '../tensor/tensor.ts';

/** A tensor with its name. */
export interface NamedTensor extends Tensor {
  readonly name: string;
}

/** The worst that is among a tensor's numbers. */
export type Finiteness = 'finite' | 'inf' | 'nan';

/** What one run of a model gave: its outputs and the watched tensors, in the order asked for. */
export interface RunResult {
  readonly outputs: readonly NamedTensor[];
  readonly activations: readonly NamedTensor[];
  /** Of a pair: what the copy gave for those outputs that it has, under the reference's names. */
  readonly secondOutputs?: readonly NamedTensor[];
  /** Of a model that goes on with texts: what `Generation.follow` goes on from. */
  readonly prefillState?: unknown;
}
