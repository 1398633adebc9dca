import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';

/** A node with the graph that its names belong to. */
export interface PlacedNode {
  readonly node: GraphNode;
  readonly graph: Graph;
}

/** Nodes of a graph and of the bodies of its Ifs, which read tensors of the graph around them by name. */
export function* nodesWithBodies(graph: Graph): Generator<PlacedNode> {
  for (const node of graph.nodes) {
    yield { node, graph };
    for (const body of node.subgraphs ?? []) yield* nodesWithBodies(body);
  }
}

/** The nodes that read each tensor, those in bodies included. */
export function readersByTensor(graph: Graph): ReadonlyMap<string, readonly PlacedNode[]> {
  const readers = new Map<string, PlacedNode[]>();
  for (const placed of nodesWithBodies(graph)) {
    // The node around a body names what the body reads as inputs of its own.
    const captured = (placed.node.subgraphs ?? []).length > 0;
    for (const name of new Set(placed.node.inputs))
      if (name !== '' && !(captured && isReadByBody(placed.node, name)))
        readers.set(name, [...(readers.get(name) ?? []), placed]);
  }
  return readers;
}

function isReadByBody({ op, subgraphs = [], inputs }: GraphNode, name: string): boolean {
  const isCondition = op === 'If' && inputs[0] === name;
  return (
    !isCondition &&
    subgraphs.some((body) => [...nodesWithBodies(body)].some(({ node }) => node.inputs.includes(name)))
  );
}

/** Operations that pass an input's values on, moved, cut, converted or scaled by constants. */
const CARRYING_OPS: ReadonlySet<string> = new Set([
  ...LAYOUT_OPS,
  'Transpose',
  'Cast',
  'Pad',
  'PadV2',
  'MirrorPad',
  'Slice',
  'StridedSlice',
  'Concat',
  'ConcatV2',
  'Mul',
  'Div',
  'RealDiv',
  'Add',
  'AddV2',
  'Sub',
  'Clip',
  'BatchNormalization',
]);

/** Tensors looked at on the way from an input, so that a large graph costs little. */
const MAX_CARRIED_TENSORS = 64;

/**
 * The first nodes that compute something of an input's values, each with the position at which it reads them.
 *
 * @param carrying operations to look through
 */
export function* firstReaders(
  readers: ReadonlyMap<string, readonly PlacedNode[]>,
  input: string,
  carrying: ReadonlySet<string> = CARRYING_OPS,
): Generator<PlacedNode & { readonly position: number }> {
  const seen = new Set([input]);
  for (const tensor of seen)
    for (const { node, graph } of readers.get(tensor) ?? []) {
      if (!carrying.has(node.op)) {
        yield { node, graph, position: node.inputs.indexOf(tensor) };
        continue;
      }
      for (const output of node.outputs) if (seen.size < MAX_CARRIED_TENSORS) seen.add(output);
    }
}

/** An operation for messages. */
export function operationText({ op, name }: GraphNode): string {
  return name === '' || name === op ? op : `${op} ${name}`;
}
