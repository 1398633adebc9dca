import dagre from '@dagrejs/dagre';
import { type Graph, type GraphNode, producersByTensor, searchableGraph } from '../model/graph/graph.ts';
import type { Finding } from '../storage/finding.ts';
import type { Arrow, Box, GraphView } from './view-model.ts';

/** Maximum number of layers shown above the failing operation, and of operations in them. */
const MAX_LAYERS_ABOVE = 3;
const MAX_BOXES_ABOVE = 8;

/** Operations shown at the beginning and at the end of the path to an output. */
const FIRST_ON_PATH = 4;
const LAST_ON_PATH = 2;

/** Title of the box that stands for omitted operations. */
const GAP = '…';

/** Width of a character and horizontal padding of a box, in pixels. */
const CHARACTER_WIDTH = 7.2;
const TEXT_PADDING = 20;
const BOX_HEIGHT = 40;

/** A box that has not been laid out. */
export type UnplacedBox = Omit<Box, 'x' | 'y' | 'width' | 'height'>;

/** An arrow that has not been laid out, between boxes given by key. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly label?: string;
  readonly role: Arrow['role'];
}

/** Computes a layered layout (Sugiyama), from top to bottom or from left to right. */
export function layOutGraph(
  boxes: ReadonlyMap<string, UnplacedBox>,
  links: readonly Link[],
  direction: 'TB' | 'LR',
): GraphView {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({
    rankdir: direction,
    nodesep: 16,
    ranksep: direction === 'TB' ? 28 : 64,
    marginx: 8,
    marginy: 8,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const [key, { title, note }] of boxes) {
    const width = Math.max(36, CHARACTER_WIDTH * Math.max(title.length, note.length) + TEXT_PADDING);
    graph.setNode(key, { width, height: note === '' ? BOX_HEIGHT - 12 : BOX_HEIGHT });
  }
  for (const { from, to } of links) graph.setEdge(from, to);
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    boxes: [...boxes].map(([key, box]) => {
      const { x, y, width: w, height: h } = graph.node(key) as Box;
      return { ...box, x, y, width: w, height: h };
    }),
    arrows: links.map(({ from, to, label = '', role }) => {
      const { points } = graph.edge(from, to) as { points: { x: number; y: number }[] };
      return { label, role, points: points.map(({ x, y }): [number, number] => [x, y]) };
    }),
  };
}

/**
 * Draws where in the graph a finding originates: the operations before the failing one, and its path to an output.
 *
 * @param mainGraph the model's graph; without it only the path is drawn
 * @returns undefined if the failing operation is not known
 */
export function locateInGraph({ origin }: Finding, mainGraph: Graph | undefined): GraphView | undefined {
  if (origin === undefined) return undefined;
  const graph = mainGraph && searchableGraph(mainGraph);
  const boxes = new Map<string, UnplacedBox>();
  const links: Link[] = [];
  const nodeOf = new Map((graph?.nodes ?? []).map((node) => [node.name, node]));
  const addBox = (name: string, role: Box['role']): void => {
    if (!boxes.has(name)) boxes.set(name, { title: name, note: nodeOf.get(name)?.op ?? '', role });
  };
  boxes.set(origin.operation, {
    title: origin.operation,
    note: `${origin.kind} → ${origin.result}`,
    role: 'origin',
  });
  const shown = shortenPath(origin.path);
  shown.forEach((name, i) => {
    if (i === 0) return;
    if (name === GAP)
      boxes.set(GAP, { title: GAP, note: `${origin.path.length - shown.length + 1} more`, role: 'path' });
    else addBox(name, 'path');
    links.push({ from: shown[i - 1], to: name, role: 'path' });
  });
  if (graph !== undefined) addPredecessors(nodeOf.get(origin.operation), graph, addBox, boxes, links);
  return layOutGraph(boxes, links, 'TB');
}

/** Adds the operations before a node, breadth first. */
function addPredecessors(
  node: GraphNode | undefined,
  graph: Graph,
  addBox: (name: string, role: Box['role']) => void,
  boxes: ReadonlyMap<string, UnplacedBox>,
  links: Link[],
): void {
  const producers = producersByTensor(graph);
  let layer = node === undefined ? [] : [node];
  let remainingBoxes = MAX_BOXES_ABOVE;
  for (let depth = 0; depth < MAX_LAYERS_ABOVE; depth++) {
    const nextLayer: GraphNode[] = [];
    for (const consumer of layer) {
      for (const tensor of new Set(consumer.inputs)) {
        if (tensor === '' || graph.constants.has(tensor)) continue;
        const producer = producers.get(tensor);
        const name = producer?.name ?? tensor;
        const isDrawn = boxes.has(name);
        if (!isDrawn && remainingBoxes-- <= 0) continue;
        addBox(name, 'around');
        if (!links.some((link) => link.from === name && link.to === consumer.name))
          links.push({ from: name, to: consumer.name, role: 'around' });
        if (producer !== undefined && !isDrawn) nextLayer.push(producer);
      }
    }
    layer = nextLayer;
  }
}

/** Replaces the middle of a long path by a gap. */
function shortenPath(path: readonly string[]): readonly string[] {
  if (path.length <= FIRST_ON_PATH + LAST_ON_PATH + 1) return path;
  return [...path.slice(0, FIRST_ON_PATH), GAP, ...path.slice(-LAST_ON_PATH)];
}
