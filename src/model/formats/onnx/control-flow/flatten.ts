import type { BodyTensor, FlattenedGraph, Graph, GraphNode, Subgraph } from '../../../graph/graph.ts';
import { inferTypes } from '../type-inference.ts';
import { MIN_BODY_OPSET } from './bodies.ts';

/**
 * A graph with its flattened form, in which the operations of bodies of If, Loop and Scan are seen, and with the number
 * of bodies that are not.
 *
 * @param opset version of the operators
 */
export function withFlattenedBodies(graph: Graph, opset: number): Graph {
  if (!graph.nodes.some(({ subgraphs }) => subgraphs !== undefined)) return graph;
  const flattening = new Flattening(opset >= MIN_BODY_OPSET);
  flattening.add(graph, { depth: 0, loops: 0, place: undefined });
  const hidden = flattening.hiddenBodies === 0 ? {} : { hiddenBodies: flattening.hiddenBodies };
  if (flattening.bodyTensors.size === 0) return { ...graph, ...hidden };
  const flattened = flattening.finish(graph);
  return { ...graph, types: flattened.types, flattened, ...hidden };
}

interface Place extends BodyTensor {
  /** The body, for people; undefined in the main graph. */
  readonly place: string | undefined;
}

class Flattening {
  readonly bodyTensors = new Map<string, BodyTensor>();
  hiddenBodies = 0;
  readonly #canLookInto: boolean;
  readonly #nodes: GraphNode[] = [];
  /** The same, with a node for each tensor that a body is given, which has the type of the operand that it begins as. */
  readonly #typedNodes: GraphNode[] = [];
  readonly #graphs: Graph[] = [];

  /** @param canLookInto whether the model's version of the operators allows it */
  constructor(canLookInto: boolean) {
    this.#canLookInto = canLookInto;
  }

  add(graph: Graph, { depth, loops, place }: Place): void {
    this.#graphs.push(graph);
    if (depth > 0) {
      const tensors = [...graph.inputs, ...graph.nodes.flatMap(({ outputs }) => outputs)];
      for (const name of tensors) if (name !== '') this.bodyTensors.set(name, { depth, loops });
    }
    for (const node of graph.nodes) {
      const { subgraphs = [], inputs } = node;
      const looksInto = this.#canLookInto && isControlFlow(node);
      if (!looksInto) this.hiddenBodies += countBodies(node);
      else
        for (const body of subgraphs) {
          const label =
            node.op === 'If'
              ? `${body.role} branch of ${node.name}`
              : `${node.op.toLowerCase()} ${node.name}`;
          this.#typedNodes.push(...givenTensors(node, body));
          this.add(body, {
            depth: depth + 1,
            loops: node.op === 'If' ? loops : loops + 1,
            place: place === undefined ? label : `${label} in ${place}`,
          });
        }
      const results = looksInto ? subgraphs.flatMap(({ outputs }) => outputs) : [];
      const flat: GraphNode = {
        ...node,
        inputs: [...inputs, ...new Set(results.filter((name) => !inputs.includes(name)))],
        ...(place === undefined ? {} : { body: place }),
      };
      this.#nodes.push(flat);
      this.#typedNodes.push(flat);
    }
  }

  finish(main: Graph): FlattenedGraph {
    const union = <T>(pick: (graph: Graph) => ReadonlyMap<string, T>): Map<string, T> =>
      new Map(this.#graphs.flatMap((graph) => [...pick(graph)]));
    const types = union(({ types }) => types);
    return {
      ...main,
      nodes: this.#nodes,
      constants: union(({ constants }) => constants),
      values: union(({ values }) => values),
      shapes: union(({ shapes }) => shapes),
      types: inferTypes(this.#typedNodes, types),
      bodyTensors: this.bodyTensors,
    };
  }
}

function isControlFlow({ op, subgraphs = [] }: GraphNode): boolean {
  const roles = op === 'If' ? ['then', 'else'] : ['body'];
  return (
    (op === 'If' || op === 'Loop' || op === 'Scan') &&
    subgraphs.length === roles.length &&
    subgraphs.every(({ role }) => roles.includes(role))
  );
}

/** Number of a node's bodies, and of those within them. */
function countBodies({ subgraphs = [] }: GraphNode): number {
  return subgraphs.reduce(
    (sum, { nodes }) => sum + 1 + nodes.reduce((inner, node) => inner + countBodies(node), 0),
    0,
  );
}

/** Copies from a node's operands to what its body is given of them. */
function givenTensors(node: GraphNode, { inputs, role }: Subgraph): GraphNode[] {
  if (role !== 'body') return [];
  return inputs.flatMap((name, i): GraphNode[] => {
    const operand = node.inputs[i] ?? '';
    return operand === '' ? [] : [{ name, op: 'Identity', inputs: [operand], outputs: [name] }];
  });
}
