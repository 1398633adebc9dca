import type { AttributeValue, GraphNode } from '../graph/graph.ts';
import type { TensorWriter, Value } from './tensor-writer.ts';

/** One operation as its rule sees it. */
export interface Differentiation {
  readonly node: GraphNode;
  /** Version of the default domain's operators in the model. */
  readonly opset: number;
  readonly writer: TensorWriter;
  /** Whether rounding counts as the identity, whose gradient is 1, and not as a step, whose gradient is 0. */
  readonly straightThrough: boolean;
  /** Whether an operand's gradient is asked for. */
  wants(input: number): boolean;
  /** The gradient that arrives at an output; undefined where none does. */
  upstream(output: number): Value | undefined;
  /** An operand of the forward run; integers and half precision are converted to float32. */
  operand(input: number): Value;
  /** A result of the forward run, in float32. */
  result(output: number): Value;
  /** An operand of the forward run in its own type. */
  plainOperand(input: number): Value;
  /** An operand of integers, converted to int64. */
  indices(input: number): Value;
  /** A result of int64. */
  resultIndices(output: number): Value;
  /** The shape of an operand or a result of the forward run. */
  inputShape(input: number): readonly number[];
  outputShape(output: number): readonly number[];
  hasInput(input: number): boolean;
  /** Whether an operand holds booleans. */
  isBoolean(input: number): boolean;
  /** The numbers of an operand that depends on no value of an input; undefined for others. */
  numbers(input: number): readonly number[] | undefined;
}

/** The gradient of each operand by its index; an operand without one has the gradient 0, or was not asked for. */
export type OperandGradients = readonly (Value | undefined)[];

/**
 * Writes the gradient of an operation.
 *
 * @returns undefined where the operation is used in a way that has no rule
 */
export type Rule = (at: Differentiation) => OperandGradients | undefined;

/** The gradient that arrives at the first output: 0 where one arrives at others alone, such as the indices of a TopK. */
export function upstreamOf(at: Differentiation): Value {
  return at.upstream(0) ?? at.writer.zeros(at.outputShape(0));
}

/** The same operation with another gradient that arrives at its only output. */
export function withUpstream(at: Differentiation, g: Value): Differentiation {
  return { ...at, upstream: (output) => (output === 0 ? g : undefined) };
}

export function integerOf({ node }: Differentiation, name: string, fallback: number): number {
  const value = node.attributes?.[name];
  return typeof value === 'number' ? value : fallback;
}

export function floatOf(at: Differentiation, name: string, fallback: number): number {
  return integerOf(at, name, fallback);
}

export function textOf({ node }: Differentiation, name: string, fallback: string): string {
  const value = node.attributes?.[name];
  return typeof value === 'string' ? value : fallback;
}

export function listOf({ node }: Differentiation, name: string): readonly number[] | undefined {
  const value: AttributeValue | undefined = node.attributes?.[name];
  return Array.isArray(value) ? (value as readonly number[]) : undefined;
}
