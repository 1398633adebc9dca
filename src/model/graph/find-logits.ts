import { type Graph, type GraphNode, producersByTensor } from './graph.ts';
import { LAYOUT_OPS } from './layout-ops.ts';

/** The tensor of logits, and how it was found. */
export interface LogitsChoice {
  readonly tensor: string;
  readonly why: string;
}

/** A dense layer with a fused softmax: its logits cannot be watched. */
export const DENSE_SOFTMAX = 'Dense+Softmax';

const SOFTMAX_OPS = new Set(['Softmax', 'LogSoftmax']);
const SUM_OPS = new Set(['Sum', 'ReduceSum']);
const DIVIDE_OPS = new Set(['Div', 'RealDiv']);
const PASS_THROUGH_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Cast', 'Transpose']);

/**
 * Finds the logits: the input of the softmax nearest to an output, as one operation or as Exp / ReduceSum / Div.
 * Undefined if the graph has no softmax, or the softmax reads a graph input.
 */
export function findLogits(graph: Graph): LogitsChoice | undefined {
  const producers = producersByTensor(graph);
  const seen = new Set<string>();
  let frontier = [...graph.outputs];
  while (frontier.length > 0) {
    const next: string[] = [];
    for (const tensor of frontier) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      const node = producers.get(tensor);
      if (node === undefined) continue;
      const found = findSoftmaxInput(node, producers);
      if (found !== undefined && producers.has(found.tensor)) return found;
      next.push(...node.inputs);
    }
    frontier = next;
  }
  return undefined;
}

function findSoftmaxInput(
  node: GraphNode,
  producers: ReadonlyMap<string, GraphNode>,
): LogitsChoice | undefined {
  if (SOFTMAX_OPS.has(node.op)) {
    return { tensor: node.inputs[0], why: `the input of the last softmax, ${node.name}` };
  }
  if (node.op === DENSE_SOFTMAX) {
    return { tensor: node.inputs[0], why: `the layer before ${node.name}, which has its softmax inside` };
  }
  if (!DIVIDE_OPS.has(node.op)) return undefined;
  const numerator = findProducer(node.inputs[0], producers);
  const denominator = findProducer(node.inputs[1], producers);
  if (numerator?.op !== 'Exp' || denominator === undefined || !SUM_OPS.has(denominator.op)) return undefined;
  const summed = findProducer(denominator.inputs[0], producers);
  if (summed?.op !== 'Exp' || summed.inputs[0] !== numerator.inputs[0]) return undefined;
  return {
    tensor: numerator.inputs[0],
    why: `the input of the softmax written out as ${numerator.op} and ${node.op} ${node.name}`,
  };
}

/** The operation that computes a tensor's values, behind operations that only rearrange or convert them. */
function findProducer(tensor: string, producers: ReadonlyMap<string, GraphNode>): GraphNode | undefined {
  let node = producers.get(tensor);
  for (let hops = 0; node !== undefined && PASS_THROUGH_OPS.has(node.op) && hops < 8; hops++) {
    node = producers.get(node.inputs[0]);
  }
  return node;
}
