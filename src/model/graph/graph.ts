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
  /** The set of operators that it is of, such as `com.microsoft`; absent for the format's own. */
  readonly domain?: string;
  /** Names of the tensors it reads; an empty string is an omitted optional input. */
  readonly inputs: readonly string[];
  /** Names of the tensors it computes. */
  readonly outputs: readonly string[];
  /** Attributes that the file gives, by name; those left at their defaults are absent. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Bodies of an If, Loop or Scan. */
  readonly subgraphs?: readonly Subgraph[];
  /** The body that it is in, for people, such as `loop /Loop_3`; undefined in the main graph. */
  readonly body?: string;
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
  /** The graph with the operations of bodies among its own; undefined where there are none that can be looked into. */
  readonly flattened?: FlattenedGraph;
  /** Number of bodies that cannot be looked into; undefined for none. */
  readonly hiddenBodies?: number;
  /** Where half precision is emulated: what is rounded. */
  readonly rounding?: GraphRounding;
}

/** What is rounded beyond the types of a graph's tensors. */
export interface GraphRounding {
  /** Tensors of type float32 whose values are rounded to bfloat16. */
  readonly bfloat16: ReadonlySet<string>;
  /** Whether partial sums are rounded too, so that a sum may be far from what its terms add up to. */
  readonly partialSums: boolean;
}

/** A graph that an operation runs. */
export interface Subgraph extends Graph {
  /** What it is to the operation: `then`, `else` or `body`. */
  readonly role: string;
}

/**
 * A graph in which the operations of a body stand before the operation that runs it, which reads the body's results.
 * What a body is given by that operation has no producer.
 */
export interface FlattenedGraph extends Graph {
  /** The tensors of bodies. */
  readonly bodyTensors: ReadonlyMap<string, BodyTensor>;
}

/** Where a tensor of a body is computed. */
export interface BodyTensor {
  /** Number of bodies around it. */
  readonly depth: number;
  /** Number of those that run once an iteration: where the tensor is exposed, it has an axis for each. */
  readonly loops: number;
}

/** The graph in which operations are looked for: with those of bodies, where there are any. */
export function searchableGraph(graph: Graph): Graph {
  return graph.flattened ?? graph;
}

/** Operations of TensorFlow that run functions as their bodies. */
const FUNCTION_RUNNING_OPS: ReadonlySet<string> = new Set(['If', 'StatelessIf', 'While', 'StatelessWhile']);

/** Number of bodies whose operations are not seen: of operators that are not understood, of functions, of TensorFlow's. */
export function countHiddenBodies({ nodes, hiddenBodies = 0 }: Graph): number {
  const functions = nodes.filter(
    ({ op, subgraphs }) => subgraphs === undefined && FUNCTION_RUNNING_OPS.has(op),
  );
  return hiddenBodies + 2 * functions.length;
}

/** The tensors of bodies. */
export function bodyTensorsOf({ flattened }: Graph): ReadonlyMap<string, BodyTensor> {
  return flattened?.bodyTensors ?? NO_BODY_TENSORS;
}

const NO_BODY_TENSORS: ReadonlyMap<string, BodyTensor> = new Map();

/** Size of the largest constants whose values are kept in the graph. */
export const MAX_CONSTANT_VALUES = 64;

/** The node that computes each tensor. */
export function producersByTensor(graph: Graph): ReadonlyMap<string, GraphNode> {
  return producersOf(graph.nodes);
}

function producersOf(nodes: readonly GraphNode[]): Map<string, GraphNode> {
  const producers = new Map<string, GraphNode>();
  // An omitted result has no name, as an omitted operand has none.
  for (const node of nodes) for (const output of node.outputs) if (output !== '') producers.set(output, node);
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
