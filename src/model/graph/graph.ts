import { type DType, sizeOf } from '../../tensor/tensor.ts';

/** A tensor's shape as the model declares it; a free dimension is its name, or null if it has none. */
export type DeclaredShape = readonly (number | string | null)[];

/** An attribute of an operation: a number, a list of numbers, or text; others are left out. */
export type AttributeValue = number | string | readonly number[];

/** One operation of a model's graph. */
export interface GraphNode {
  readonly name: string;
  /** Operator type in the format's own naming, such as `MatMul` or `Softmax`. */
  readonly op: string;
  /** Names of the tensors it reads; an empty string is an omitted optional input. */
  readonly inputs: readonly string[];
  /** Names of the tensors it computes. */
  readonly outputs: readonly string[];
  /** Attributes that the file gives, by name; those left at their defaults are absent. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Bodies of an If, Loop or Scan; their tensors cannot be watched. */
  readonly subgraphs?: readonly Graph[];
}

/** A model's computation, independent of its format: nodes in topological order, connected by tensor names. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Weights and other constants with their shapes. */
  readonly constants: ReadonlyMap<string, readonly number[]>;
  /** Values of constants of at most `MAX_CONSTANT_VALUES` numbers: exponents, epsilons, limits, axes. */
  readonly values: ReadonlyMap<string, readonly number[]>;
  /** Shapes of tensors, as far as the model declares them. */
  readonly shapes: ReadonlyMap<string, DeclaredShape>;
  /** Types of tensors, as far as they are declared or can be inferred. */
  readonly types: ReadonlyMap<string, DType>;
}

/** Size of the largest constants whose values are kept in the graph. */
export const MAX_CONSTANT_VALUES = 64;

/** The node that computes each tensor. */
export function producersByTensor(graph: Graph): ReadonlyMap<string, GraphNode> {
  return producersOf(graph.nodes);
}

function producersOf(nodes: readonly GraphNode[]): Map<string, GraphNode> {
  const producers = new Map<string, GraphNode>();
  for (const node of nodes) for (const output of node.outputs) producers.set(output, node);
  return producers;
}

/** Number of values in all constants, those of subgraphs included. */
export function countParameters(graph: Graph): number {
  const count = [...graph.constants.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
  return graph.nodes.reduce(
    (sum, { subgraphs = [] }) => subgraphs.reduce((inner, sub) => inner + countParameters(sub), sum),
    count,
  );
}

/** How often each operator type occurs, the most frequent first; subgraphs included. */
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

/** Tensors that nodes compute, in topological order: those that can be watched. */
export function computedTensors(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== '');
}

/** Orders nodes so that each comes after those it reads from; nodes of a cycle keep their order. */
export function sortTopologically(nodes: readonly GraphNode[]): GraphNode[] {
  const producers = producersOf(nodes);
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
      const pending = entered.has(node)
        ? []
        : node.inputs
            .map((name) => producers.get(name))
            .filter((producer) => producer !== undefined)
            .filter((producer) => !entered.has(producer));
      entered.add(node);
      if (pending.length > 0) stack.push(...pending);
      else {
        stack.pop();
        done.add(node);
        ordered.push(node);
      }
    }
  }
  return ordered;
}
