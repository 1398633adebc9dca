import { ATTRIBUTE_TYPE, type OnnxAttribute, type OnnxGraph, type OnnxNode } from '../proto.ts';

/** A graph that an operation runs: a branch of an If, the body of a Loop or a Scan. */
export interface Body {
  /** Name of the attribute that holds it: `then_branch`, `else_branch` or `body`. */
  readonly attribute: string;
  readonly graph: OnnxGraph;
}

/** All graphs that a node holds, in the order of its attributes. */
export function bodiesOf({ attribute }: OnnxNode): Body[] {
  return attribute.flatMap(({ name, g, graphs }) =>
    [...(g === null || g === undefined ? [] : [g]), ...graphs].map((graph) => ({ attribute: name, graph })),
  );
}

/** What the graph of an attribute is to its operation: `then`, `else` or `body`. */
export function roleOf(attribute: string): string {
  return attribute.replace(/_branch$/, '');
}

/** The graph of an attribute; undefined if there is none. */
export function bodyOf({ attribute }: OnnxNode, name: string): OnnxGraph | undefined {
  return attribute.find((candidate) => candidate.name === name)?.g ?? undefined;
}

/** A copy of a decoded message with other values in some fields. Fields that the file leaves out keep their defaults. */
export function changed<T extends object>(message: T, fields: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message) as object), message, fields) as T;
}

/** A node with each of its bodies replaced. */
export function mapBodies(node: OnnxNode, replace: (body: Body) => OnnxGraph): OnnxNode {
  if (bodiesOf(node).length === 0) return node;
  const attribute = node.attribute.map((holder): OnnxAttribute => {
    const { name, g, graphs } = holder;
    const replaceGraph = (graph: OnnxGraph): OnnxGraph => replace({ attribute: name, graph });
    if (g !== null && g !== undefined) return changed(holder, { g: replaceGraph(g) });
    return graphs.length === 0 ? holder : changed(holder, { graphs: graphs.map(replaceGraph) });
  });
  return changed(node, { attribute });
}

/** The operations whose bodies are understood. */
export type ControlFlowOp = 'If' | 'Loop' | 'Scan';

/**
 * Oldest version of the operators whose bodies are changed: the branches of an If may give results of different shapes,
 * and Scan has its present form.
 */
export const MIN_BODY_OPSET = 11;

/** The control flow of a node whose bodies can be looked into; undefined for all others. */
export function controlFlowOf({ opType, domain, attribute }: OnnxNode): ControlFlowOp | undefined {
  if (domain !== '' && domain !== 'ai.onnx') return undefined;
  const names = opType === 'If' ? ['then_branch', 'else_branch'] : ['body'];
  if (opType !== 'If' && opType !== 'Loop' && opType !== 'Scan') return undefined;
  return names.every((name) => attribute.some((holder) => holder.name === name && holder.g))
    ? opType
    : undefined;
}

/** An integer attribute of a node. */
export function integerAttribute({ attribute }: OnnxNode, name: string): number | undefined {
  const found = attribute.find((candidate) => candidate.name === name);
  return found === undefined || found.type !== ATTRIBUTE_TYPE.int ? undefined : Number(found.i);
}

/**
 * Number of values that a Loop or a Scan carries from one iteration to the next.
 *
 * @param op the node's control flow
 */
export function countStates(op: 'Loop' | 'Scan', node: OnnxNode): number {
  // A Loop takes the number of iterations and the condition first.
  return op === 'Loop'
    ? Math.max(0, node.input.length - 2)
    : node.input.length - (integerAttribute(node, 'num_scan_inputs') ?? 1);
}
