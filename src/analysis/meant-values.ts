import type { GraphNode } from '../model/graph/graph.ts';

/** What is known of a run's tensors, by name. */
export interface ObservedTensors {
  /** Whether it holds a value that is not finite and is no mask. */
  readonly isBad: (tensor: string) => boolean;
  readonly isNan: (tensor: string) => boolean;
  /** Whether its values were looked at, or can't be anything but finite, as those of integers. */
  readonly isKnown: (tensor: string) => boolean;
  readonly isConstant: (tensor: string) => boolean;
}

const SELECTING_OPS: ReadonlySet<string> = new Set(['Where', 'Select', 'SelectV2']);

const CLIPPING_OPS: ReadonlySet<string> = new Set(['Clip', 'ClipByValue', 'Relu6']);

const LIMITING_OPS: ReadonlySet<string> = new Set(['Min', 'Max', 'Minimum', 'Maximum']);

/** Operations that ask for such values, which is what a graph does that selects others in their place. */
const ASKING_OPS: ReadonlySet<string> = new Set(['IsNaN', 'IsInf', 'IsNan', 'IsFinite']);

/** Where values that are not finite come to an end. */
export interface Absorption {
  /** The first operation that makes finite values of them, a guard left aside; undefined where there is none. */
  readonly absorber: GraphNode | undefined;
  /** Whether the graph means them: guards alone end them. */
  readonly isMeant: boolean;
}

/**
 * Follows values that are not finite, none of which comes to an output. The graph means them where all that ends them are
 * guards: a Where that selects the other branch, a Clip, or a minimum or maximum with a constant, which clip an infinity.
 * A value that nothing reads is meant as well.
 *
 * @param nodes in topological order
 * @param results the tensors in which the values begin
 */
export function followAbsorption(
  nodes: readonly GraphNode[],
  results: readonly string[],
  observed: ObservedTensors,
): Absorption {
  const reached = new Set(results.filter(observed.isBad));
  let absorber: GraphNode | undefined;
  for (const node of nodes) {
    const read = node.inputs.filter((name) => reached.has(name));
    if (read.length === 0 || ASKING_OPS.has(node.op)) continue;
    const bad = node.outputs.filter(observed.isBad);
    for (const name of bad) reached.add(name);
    if (bad.length > 0) continue;
    const isGuard =
      node.outputs.every(observed.isKnown) && read.every((name) => guards(node, name, observed));
    if (!isGuard) absorber ??= node;
  }
  return { absorber, isMeant: absorber === undefined };
}

/** Whether an operation whose results are finite is there to keep out what one of its operands holds. */
function guards({ op, inputs }: GraphNode, tensor: string, { isNan, isConstant }: ObservedTensors): boolean {
  if (SELECTING_OPS.has(op)) return inputs[0] !== tensor;
  if (isNan(tensor)) return false;
  if (CLIPPING_OPS.has(op)) return inputs[0] === tensor;
  return LIMITING_OPS.has(op) && inputs.some((name) => name !== tensor && isConstant(name));
}
