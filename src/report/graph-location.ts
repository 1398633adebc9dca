import dagre from '@dagrejs/dagre';
import { type Graph, type GraphNode, producersByTensor } from '../model/graph/graph.ts';
import type { Finding } from '../storage/finding.ts';
import type { Arrow, Box, GraphView } from './view-model.ts';

/** Operations shown above the one that went wrong, by steps and in all. */
const MAX_LAYERS_ABOVE = 3;
const MAX_BOXES_ABOVE = 8;

/** Operations shown on the way to an output, at its start and at its end. */
const FIRST_ON_PATH = 4;
const LAST_ON_PATH = 2;

/** What stands for what is left out. */
const GAP = '…';

/** Width of a letter, and room around a text, in pixels. */
const CHARACTER_WIDTH = 7.2;
const TEXT_PADDING = 20;
const BOX_HEIGHT = 40;

/** A box before it has its place. */
export type UnplacedBox = Omit<Box, 'x' | 'y' | 'width' | 'height'>;

/** An arrow before it has its place: between boxes by their keys. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly label?: string;
  readonly role: Arrow['role'];
}

/** Lays boxes and arrows out in layers, from above or from the left. */
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
 * Where in the graph a finding went wrong: what leads to the operation, and its way to an output. Without the model's graph
 * the way alone; undefined where it is not known.
 */
export function locateInGraph({ origin }: Finding, graph: Graph | undefined): GraphView | undefined {
  if (origin === undefined) return undefined;
  const boxes = new Map<string, UnplacedBox>();
  const links: Link[] = [];
  const nodeOf = new Map((graph?.nodes ?? []).map((node) => [node.name, node]));
  const box = (name: string, role: Box['role']): void => {
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
    else box(name, 'path');
    links.push({ from: shown[i - 1], to: name, role: 'path' });
  });
  if (graph !== undefined) addPredecessors(nodeOf.get(origin.operation), graph, box, boxes, links);
  return layOutGraph(boxes, links, 'TB');
}

/** Adds what leads to an operation, nearest first. */
function addPredecessors(
  node: GraphNode | undefined,
  graph: Graph,
  box: (name: string, role: Box['role']) => void,
  boxes: ReadonlyMap<string, UnplacedBox>,
  links: Link[],
): void {
  const maker = producersByTensor(graph);
  let row = node === undefined ? [] : [node];
  let left = MAX_BOXES_ABOVE;
  for (let step = 0; step < MAX_LAYERS_ABOVE; step++) {
    const above: GraphNode[] = [];
    for (const one of row) {
      for (const tensor of new Set(one.inputs)) {
        if (tensor === '' || graph.constants.has(tensor)) continue;
        const from = maker.get(tensor);
        const name = from?.name ?? tensor;
        const isKnown = boxes.has(name);
        if (!isKnown && left-- <= 0) continue;
        box(name, 'around');
        if (!links.some((link) => link.from === name && link.to === one.name))
          links.push({ from: name, to: one.name, role: 'around' });
        if (from !== undefined && !isKnown) above.push(from);
      }
    }
    row = above;
  }
}

function shortenPath(path: readonly string[]): readonly string[] {
  if (path.length <= FIRST_ON_PATH + LAST_ON_PATH + 1) return path;
  return [...path.slice(0, FIRST_ON_PATH), GAP, ...path.slice(-LAST_ON_PATH)];
}
