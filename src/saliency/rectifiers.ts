import { nodesBetween } from '../model/gradients/backward-graph.ts';
import { type Graph, type GraphNode, searchableGraph } from '../model/graph/graph.ts';

const RECTIFIERS: ReadonlySet<string> = new Set(['relu', 'relu6']);

/** Operations of TensorFlow that an activation may be fused with, which the graph does not name. */
const FUSED_OP = /^_?Fused/;

/** Whether a gradient from the scores to an input passes a rectifier, whose rule guided backpropagation changes. */
export function hasRectifier(graph: Graph, input: string, scores: string): boolean {
  const { values, nodes } = searchableGraph(graph);
  // Operations of bodies have no way to the input that could be followed.
  const inBodies = nodes.filter(({ body }) => body !== undefined);
  return [...nodesBetween(graph, [input], [scores]), ...inBodies].some((node) => isRectifier(node, values));
}

function isRectifier({ op, inputs, attributes }: GraphNode, values: Graph['values']): boolean {
  if (RECTIFIERS.has(op.toLowerCase())) return true;
  const activation = attributes?.activation;
  if (activation !== undefined) return RECTIFIERS.has(String(activation).toLowerCase());
  if (op === 'Clip') return (values.get(inputs[1] ?? '')?.[0] ?? attributes?.min) === 0;
  return FUSED_OP.test(op) && !op.startsWith('FusedBatchNorm');
}
