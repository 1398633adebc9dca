import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { BFLOAT16_LIMITS, type FloatLimits, type Hazard, limitsOf, type ProxyTensor } from './hazard.ts';

/** One way in which an operation can fail numerically: an operand with its unsafe region. */
export interface HazardTarget {
  /** The operand; the result for operations that overflow. */
  readonly tensor: string;
  readonly hazard: Hazard;
  /** Tensor to watch as well, since the operand saturates and shows no progress. */
  readonly proxy?: ProxyTensor;
  /** True if it is in a body, which may run any number of times, or not at all: its tensors differ in size then. */
  readonly isInBody?: true;
}

/** An operation that can compute a NaN or an infinity from finite values, or fail. */
export interface NumericalSite {
  /** The operation's name, by which statistics and findings refer to it. */
  readonly name: string;
  readonly op: string;
  /** One of `SITE_KINDS`. */
  readonly kind: string;
  /** Tensors that it reads. */
  readonly tensors: readonly string[];
  /** Inner floating-point tensors of the main graph that it computes. */
  readonly results: readonly string[];
  /** The unsafe region, for messages. */
  readonly region: string;
  /** The body of an If, Loop or Scan that it is in, for people; undefined in the main graph. */
  readonly body?: string;
  /** Inputs on whose sizes alone, and not on their values, it depends whether it fails; absent for other sites. */
  readonly sizesOf?: readonly string[];
  readonly targets: readonly HazardTarget[];
}

/** The graph around a site. */
export interface SiteContext {
  readonly graph: Graph;
  /** The node that computes each tensor. */
  readonly producers: ReadonlyMap<string, GraphNode>;
  /** Whether a constant holds an infinity, as masks do. */
  readonly holdsInfinity: (constant: string) => boolean;
  /** The least value of a constant; undefined if it cannot be read. */
  readonly smallestValue: (constant: string) => number | undefined;
}

/** A kind of numerical site: operators and their unsafe operands. */
export interface SiteKind {
  readonly name: string;
  /** Operator types of ONNX, TensorFlow and layers models. */
  readonly ops: readonly string[];
  /** The unsafe region, for the documentation. */
  readonly unsafe: string;
  /** Literature that describes the failure. */
  readonly source: string;
  /** Unsafe operands of a node; empty if it is not of this kind, or cannot fail. */
  findTargets(node: GraphNode, context: SiteContext): readonly HazardTarget[];
}

/** Whether a tensor's type is an integer type. */
export function isInteger({ graph }: SiteContext, tensor: string): boolean {
  const type = graph.types.get(tensor);
  return type !== undefined && DTYPES[type].kind === 'int';
}

/** Limits of a tensor's floating-point type; single precision if it is unknown. */
export function floatLimitsOf(context: SiteContext, tensor: string): FloatLimits {
  return halfLimitsOf(context, tensor) ?? limitsOf(context.graph.types.get(tensor));
}

/** Limits of a tensor in half precision; undefined for others. */
export function halfLimitsOf({ graph }: SiteContext, tensor: string): FloatLimits | undefined {
  if (graph.rounding?.bfloat16.has(tensor)) return BFLOAT16_LIMITS;
  return graph.types.get(tensor) === 'float16' ? limitsOf('float16') : undefined;
}

/** The values of a small constant; undefined for other tensors. */
export function constantValuesOf(
  { graph }: SiteContext,
  tensor: string | undefined,
): readonly number[] | undefined {
  return tensor === undefined ? undefined : graph.values.get(tensor);
}

export function isConstant({ graph }: SiteContext, tensor: string): boolean {
  return graph.constants.has(tensor);
}

/** A numeric attribute of a node. */
export function numericAttribute({ attributes }: GraphNode, name: string): number | undefined {
  const value = attributes?.[name];
  return typeof value === 'number' ? value : undefined;
}
