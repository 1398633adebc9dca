import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { type FloatLimits, type Hazard, limitsOf } from './hazard.ts';
import type { ProxyTensor } from './proxy-tensors.ts';

/** One way in which an operation can go wrong: where its operand must not be. */
export interface HazardTarget {
  /** The operand, or the result where that tells more. */
  readonly tensor: string;
  readonly hazard: Hazard;
  /** What to watch besides, since the operand itself stands still. */
  readonly proxy?: ProxyTensor;
}

/** An operation that can make numbers that are not finite out of finite ones, or fail. */
export interface NumericalSite {
  /** The operation's name: what it is called by in figures and findings. */
  readonly name: string;
  readonly op: string;
  /** One of `SITE_KINDS`. */
  readonly kind: string;
  /** Tensors that it reads. */
  readonly tensors: readonly string[];
  /** The unsafe region, for people. */
  readonly region: string;
  readonly targets: readonly HazardTarget[];
}

/** What the kinds of sites look at. */
export interface SiteContext {
  readonly graph: Graph;
  /** The node that makes each tensor. */
  readonly producers: ReadonlyMap<string, GraphNode>;
  /** Whether a constant holds an infinity. */
  readonly holdsInfinity: (constant: string) => boolean;
}

/** A kind of site: operations and what is hazardous to them. */
export interface SiteKind {
  readonly name: string;
  /** Operations of ONNX, TensorFlow and layers models. */
  readonly ops: readonly string[];
  /** The unsafe region, for the documentation. */
  readonly unsafe: string;
  /** Where that is from. */
  readonly source: string;
  /** What is hazardous to a node; nothing where it can't go wrong. */
  findTargets(node: GraphNode, context: SiteContext): readonly HazardTarget[];
}

/** Whether a tensor is of whole numbers. */
export function isInteger({ graph }: SiteContext, tensor: string): boolean {
  const type = graph.types.get(tensor);
  return type !== undefined && DTYPES[type].kind === 'int';
}

/** Limits of a tensor's floating-point type. */
export function floatLimitsOf({ graph }: SiteContext, tensor: string): FloatLimits {
  return limitsOf(graph.types.get(tensor));
}

/** The values of a small constant. */
export function constantValuesOf(
  { graph }: SiteContext,
  tensor: string | undefined,
): readonly number[] | undefined {
  return tensor === undefined ? undefined : graph.values.get(tensor);
}

export function isConstant({ graph }: SiteContext, tensor: string): boolean {
  return graph.constants.has(tensor);
}

/** A number among a node's settings. */
export function numericAttribute({ attributes }: GraphNode, name: string): number | undefined {
  const value = attributes?.[name];
  return typeof value === 'number' ? value : undefined;
}
