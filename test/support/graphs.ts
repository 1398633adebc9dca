import type { Graph, GraphNode } from '../../src/model/graph/graph.ts';
import type { DType } from '../../src/tensor/tensor.ts';

/** A node that computes one tensor, after which it is named. */
export function node(op: string, inputs: readonly string[], output: string): GraphNode {
  return { name: output, op, inputs, outputs: [output] };
}

/** Parts of a graph by name; what is left out is empty. */
export interface GraphParts {
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly string[];
  readonly inputs?: readonly string[];
  /** Constants of so many values as a list gives, or of a shape that is too large for its values to be kept. */
  readonly constants?: Readonly<
    Record<string, { readonly values?: readonly number[]; readonly shape?: readonly number[] }>
  >;
  readonly types?: Readonly<Record<string, DType>>;
  readonly shapes?: Readonly<Record<string, readonly (number | string | null)[]>>;
}

export function graphOf({
  nodes,
  outputs,
  inputs = ['x'],
  constants = {},
  types = {},
  shapes = {},
}: GraphParts): Graph {
  const entries = Object.entries(constants);
  return {
    nodes,
    inputs,
    outputs,
    constants: new Map(entries.map(([name, { values = [], shape = [values.length] }]) => [name, shape])),
    values: new Map(
      entries.flatMap(([name, { values }]) => (values === undefined ? [] : [[name, values] as const])),
    ),
    shapes: new Map(Object.entries(shapes)),
    types: new Map(Object.entries(types)),
  };
}

/** What coverage asks of a model: all its computed tensors can be watched. */
export function watchableOf(graph: Graph) {
  const watchable = graph.nodes.flatMap((computing) => computing.outputs);
  return { graph, outputs: graph.outputs, watchable };
}
