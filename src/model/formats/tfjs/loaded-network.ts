import type * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../core/errors.ts';
import { isDType } from '../../../tensor/tensor.ts';
import type { Graph, GraphNode } from '../../graph/graph.ts';
import type { InputSpec, OmittedOutput } from '../../model.ts';

/** A loaded graph model or layers model. */
export interface LoadedNetwork {
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  /** Outputs that hold no numbers. */
  readonly omittedOutputs?: readonly OmittedOutput[];
  readonly graph: Graph;
  /** Tensors of the graph that `execute` can give, in topological order. */
  readonly watchable: readonly string[];
  /** Runs the network; the tensors asked for come back in their order and are the caller's to dispose. */
  execute(feeds: readonly tf.Tensor[], wanted: readonly string[]): Promise<tf.Tensor[]>;
  /**
   * Computes a tensor within `tf.tidy`, by operations that TensorFlow.js can take back.
   *
   * @param given all inputs, and inner tensors that are not computed then
   */
  compute(given: ReadonlyMap<string, tf.Tensor>, wanted: string): tf.Tensor;
  /** Operations that `compute` cannot run. */
  isAsynchronous(node: GraphNode): boolean;
  /** A weight or another constant; it stays the network's. */
  constant(name: string): tf.Tensor | undefined;
  dispose(): void;
}

/** @throws UserError if the input holds neither numbers nor strings, or its number of dimensions is open */
export function inputSpec(
  name: string,
  dtype: string,
  shape: readonly (number | null)[] | undefined,
): InputSpec {
  const isString = dtype === 'string';
  if (!isString && !isDType(dtype))
    throw new UserError(`input ${name} is ${dtype}; only inputs of numbers or strings can be fuzzed`);
  if (shape === undefined) throw new UserError(`input ${name} has no known number of dimensions`);
  const sizes = shape.map((dimension) => (dimension === null || dimension < 0 ? null : dimension));
  const spec = { name: name.replace(/:0$/, '') };
  return isString
    ? { ...spec, type: 'uint32', shape: [...sizes, null], strings: { pool: [], areTexts: true } }
    : { ...spec, type: dtype, shape: sizes };
}
