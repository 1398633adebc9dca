import type * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../core/errors.ts';
import { isDType } from '../../../tensor/tensor.ts';
import type { Graph } from '../../graph/graph.ts';
import type { InputSpec } from '../../model.ts';

/** A loaded graph model or layers model. */
export interface LoadedNetwork {
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  readonly graph: Graph;
  /** Tensors of the graph that `execute` can give, in topological order. */
  readonly watchable: readonly string[];
  /** Runs the network; the tensors asked for come back in their order and are the caller's to dispose. */
  execute(feeds: readonly tf.Tensor[], wanted: readonly string[]): Promise<tf.Tensor[]>;
  /** A weight or another constant; it stays the network's. */
  constant(name: string): tf.Tensor | undefined;
  dispose(): void;
}

/** @throws UserError if the input is not numeric, or its number of dimensions is open */
export function inputSpec(
  name: string,
  dtype: string,
  shape: readonly (number | null)[] | undefined,
): InputSpec {
  if (!isDType(dtype)) throw new UserError(`input ${name} is ${dtype}; only inputs of numbers can be fuzzed`);
  if (shape === undefined) throw new UserError(`input ${name} has no known number of dimensions`);
  return {
    name: name.replace(/:0$/, ''),
    type: dtype,
    shape: shape.map((dimension) => (dimension === null || dimension < 0 ? null : dimension)),
  };
}
