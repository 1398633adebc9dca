import type { DType } from '../../tensor/tensor.ts';

/** A tensor's shape as the model declares it; a free dimension is its name, or null where it has none. */
export type DeclaredShape = readonly (number | string | null)[];

/** A setting of an operation: numbers, lists of them, words; what is none of these is left out. */
export type AttributeValue = number | string | readonly number[];

/** One operation of a model's graph. */
export interface GraphNode {
  readonly name: string;
  /** The operation's kind in its format's words, such as `MatMul` or `Softmax`. */
  readonly op: string;
  /** Names of the tensors it reads; an empty string is an optional input left out. */
  readonly inputs: readonly string[];
  /** Names of the tensors it makes. */
  readonly outputs: readonly string[];
  /** Settings that the file gives, by their names there; those left to their defaults are absent. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** The graphs that an If, Loop or Scan runs; their tensors cannot be watched. */
  readonly subgraphs?: readonly Graph[];
}

/** A model's computation, whatever its format: nodes in topological order, joined by tensor names. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Weights and other constants with their shapes. */
  readonly constants: ReadonlyMap<string, readonly number[]>;
  /** Values of constants of at most `MOST_VALUES` numbers: exponents, epsilons, limits, axes. */
  readonly values: ReadonlyMap<string, readonly number[]>;
  /** Shapes of tensors, where the model declares them. */
  readonly shapes: ReadonlyMap<string, DeclaredShape>;
  /** Number types of tensors, where they are declared or follow from the operations. */
  readonly types: ReadonlyMap<string, DType>;
}

/** Numbers up to which a constant's values are kept in the graph. */
export const MAX_CONSTANT_VALUES = 64;

/** The node that makes each tensor. */
export function producersByTensor(graph: Graph): ReadonlyMap<string, GraphNode> {
  const made = new Map<string, GraphNode>();
  for (const node of graph.nodes) for (const output of node.outputs) made.set(output, node);
  return made;
}

/** Numbers in all constants, those of subgraphs included. */
export function countParameters(graph: Graph): number {
  const own = [...graph.constants.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return graph.nodes.reduce(
    (sum, { subgraphs = [] }) => subgraphs.reduce((inner, sub) => inner + countParameters(sub), sum),
    own,
  );
}

/** Operations by kind and how often each comes up, the most frequent first; those of subgraphs included. */
export function countOperations(graph: Graph): [op: string, count: number][] {
  const counts = new Map<string, number>();
  const count = ({ nodes }: Graph): void => {
    for (const { op, subgraphs = [] } of nodes) {
      counts.set(op, (counts.get(op) ?? 0) + 1);
      for (const inner of subgraphs) count(inner);
    }
  };
  count(graph);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Every tensor that a node makes, in topological order: what can be watched. */
export function computedTensors(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== '');
}

/** Orders nodes so that each comes after those it reads from; a graph with a circle keeps its order there. */
export function sortTopologically(nodes: readonly GraphNode[]): GraphNode[] {
  const maker = new Map<string, GraphNode>();
  for (const node of nodes) for (const output of node.outputs) maker.set(output, node);
  const done = new Set<GraphNode>();
  const entered = new Set<GraphNode>();
  const ordered: GraphNode[] = [];
  for (const root of nodes) {
    const stack: GraphNode[] = [root];
    while (stack.length > 0) {
      const node = stack[stack.length - 1];
      if (done.has(node)) {
        stack.pop();
        continue;
      }
      const waiting = entered.has(node)
        ? []
        : node.inputs.map((name) => maker.get(name)).filter((m) => m !== undefined && !entered.has(m));
      entered.add(node);
      if (waiting.length > 0) stack.push(...(waiting as GraphNode[]));
      else {
        stack.pop();
        done.add(node);
        ordered.push(node);
      }
    }
  }
  return ordered;
}
