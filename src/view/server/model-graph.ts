import { type Graph, producersByTensor, searchableGraph } from '../../model/graph/graph.ts';
import { type Link, layOutGraph, type UnplacedBox } from '../../report/graph-location.ts';
import type { GraphView } from '../../report/view-model.ts';
import type { Finding } from '../../storage/finding.ts';

/** Maximum number of operations that are laid out: with more, the layout takes seconds. */
const MAX_OPERATIONS = 400;

/** Operations of a model, laid out, and the number of operations that are left out. */
export interface ModelGraph {
  readonly graph: GraphView;
  readonly omitted: number;
}

/**
 * Lays out the operations of a model, with the path of a fault from the operation where it begins to an output.
 * Of a large model, those nearest to that path are shown.
 */
export function modelGraph({ origin, violation }: Finding, mainGraph: Graph): ModelGraph {
  const graph = searchableGraph(mainGraph);
  const producers = producersByTensor(graph);
  const known = new Set(graph.nodes.map(({ name }) => name));
  const path =
    origin === undefined
      ? observedPath(violation.tensors, producers)
      : [origin.operation, ...origin.path].filter((name) => known.has(name));
  const onPath = new Set(path);
  const producersOf = new Map(
    graph.nodes.map((node) => [
      node.name,
      [...new Set(node.inputs)].flatMap((tensor) => {
        if (tensor === '' || graph.constants.has(tensor)) return [];
        return [producers.get(tensor)?.name ?? tensor];
      }),
    ]),
  );
  const shown = nearest(path, producersOf);
  const operations = new Map(graph.nodes.map((node) => [node.name, node.op]));
  const boxes = new Map<string, UnplacedBox>();
  const links: Link[] = [];
  for (const name of shown) {
    const role = name === origin?.operation ? 'origin' : onPath.has(name) ? 'path' : 'around';
    boxes.set(name, { title: name, note: operations.get(name) ?? 'input', role });
  }
  for (const name of shown)
    for (const producer of producersOf.get(name) ?? [])
      if (boxes.has(producer)) {
        const role = onPath.has(name) && onPath.has(producer) ? 'path' : 'around';
        links.push({ from: producer, to: name, role });
      }
  const omitted = graph.nodes.filter(({ name }) => !shown.has(name)).length;
  return { graph: layOutGraph(boxes, links, 'TB'), omitted };
}

/** Of a fault whose origin is not known: the operations of the tensors that it was seen in. */
function observedPath(
  tensors: readonly string[],
  producers: ReadonlyMap<string, { readonly name: string }>,
): string[] {
  return tensors.flatMap((tensor) => producers.get(tensor)?.name ?? []);
}

/**
 * Names of the operations and inputs nearest to a path, breadth first over links in both directions; without a path, the first ones.
 *
 * @param path names of operations of the graph
 * @param producersOf names of the producers of each operation's operands
 */
function nearest(
  path: readonly string[],
  producersOf: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const neighbours = new Map<string, string[]>();
  const link = (from: string, to: string): void => {
    const names = neighbours.get(from);
    if (names === undefined) neighbours.set(from, [to]);
    else names.push(to);
  };
  for (const [name, producers] of producersOf)
    for (const producer of producers) {
      link(name, producer);
      link(producer, name);
    }
  // A set keeps the order of insertion, and is iterated over what is added meanwhile.
  const found = new Set(path.slice(0, MAX_OPERATIONS));
  spread(found, neighbours);
  for (const [name, producers] of producersOf)
    for (const other of [...producers, name]) if (found.size < MAX_OPERATIONS) found.add(other);
  return found;
}

/** Adds the neighbours of names, and theirs, until there are enough. */
function spread(found: Set<string>, neighbours: ReadonlyMap<string, readonly string[]>): void {
  for (const name of found)
    for (const neighbour of neighbours.get(name) ?? []) {
      if (found.size >= MAX_OPERATIONS) return;
      found.add(neighbour);
    }
}
