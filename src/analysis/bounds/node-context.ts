import type { GraphNode } from '../../model/graph/graph.ts';
import type { ModelFormat } from '../../model/model.ts';
import type { DType, Tensor } from '../../tensor/tensor.ts';
import type { AffineForm } from './affine-form.ts';
import type { ElementBounds } from './element-bounds.ts';

/** A size that is known, or that of the batch. */
export type Size = number | 'batch';

/** An operation and what is known of its operands. */
export interface NodeContext {
  readonly node: GraphNode;
  readonly format: ModelFormat;
  /** Undefined where only an interval of the whole tensor is known. */
  readonly boundsOf: (tensor: string | undefined) => ElementBounds | undefined;
  /** A weight or another constant; undefined for tensors that are computed. */
  readonly constant: (tensor: string | undefined) => Tensor | undefined;
  readonly typeOf: (tensor: string | undefined) => DType | undefined;
  /** The values of a tensor of sizes; undefined where they are not known. */
  readonly sizesOf: (tensor: string | undefined) => readonly Size[] | undefined;
  /** Whether there is memory and work left for a matrix of so many terms, or for so many steps of another rule. */
  readonly canAfford: (terms: number) => boolean;
}

/** Expresses each output of an operation as an affine form of its operands; undefined where it is none. */
export type AffineRule = (context: NodeContext) => readonly (AffineForm | undefined)[] | undefined;

/** The values of a constant of integers; undefined where they are not known. */
export function integersOf(
  { sizesOf }: Pick<NodeContext, 'sizesOf'>,
  tensor: string | undefined,
): readonly number[] | undefined {
  const sizes = tensor === undefined || tensor === '' ? undefined : sizesOf(tensor);
  return sizes?.every((size) => typeof size === 'number') ? sizes : undefined;
}

/** Numbers of an attribute; undefined where it is absent. */
export function listAttribute({ attributes }: GraphNode, name: string): readonly number[] | undefined {
  const value = attributes?.[name];
  if (typeof value === 'number') return [value];
  return value === undefined || typeof value === 'string' ? undefined : value;
}

/** A list that newer operator versions have as an input and older ones as an attribute. */
export function listOperand(
  context: NodeContext,
  index: number,
  name: string,
): readonly number[] | undefined {
  return integersOf(context, context.node.inputs[index]) ?? listAttribute(context.node, name);
}

/** Whether an operation has an input at this position that is not omitted. */
export function hasInput({ inputs }: GraphNode, index: number): boolean {
  return inputs[index] !== undefined && inputs[index] !== '';
}
