/** One operation of a model's graph. */
export interface GraphNode {
  readonly name: string;
  /** The operation's kind in its format's words, such as `MatMul` or `Softmax`. */
  readonly op: string;
  /** Names of the tensors it reads; an empty string is an optional input left out. */
  readonly inputs: readonly string[];
  /** Names of the tensors it makes. */
  readonly outputs: readonly string[];
}

/** A model's computation, whatever its format: nodes in topological order, joined by tensor names. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly constants: ReadonlySet<string>;
}

/** The node that makes each tensor. */
export function producers(graph: Graph): ReadonlyMap<string, GraphNode> {
  const made = new Map<string, GraphNode>();
  for (const node of graph.nodes) for (const output of node.outputs) made.set(output, node);
  return made;
}

/** Every tensor that a node makes, in topological order: what can be watched. */
export function computedTensors(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== '');
}

/** Orders nodes so that each comes after those it reads from; a graph with a circle keeps its order there. */
export function topological(nodes: readonly GraphNode[]): GraphNode[] {
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
