import { type Graph, type GraphNode, producersByTensor } from './graph.ts';
import { LAYOUT_OPS } from './layout-ops.ts';

/** What the activations of `--coverage auto` are, and why. */
export interface LogitsChoice {
  readonly tensor: string;
  readonly why: string;
}

/** A dense layer with its softmax inside: its logits are no tensor that can be watched. */
export const DENSE_SOFTMAX = 'Dense+Softmax';

const SOFTMAX_OPS = new Set(['Softmax', 'LogSoftmax']);
const SUM_OPS = new Set(['Sum', 'ReduceSum']);
const DIVIDE_OPS = new Set(['Div', 'RealDiv']);
const PASS_THROUGH_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Cast', 'Transpose']);

/**
 * Finds the logits: the input of the softmax nearest to an output, be it one operation or written out as
 * Exp / ReduceSum / Div. Undefined where the graph has no softmax or where its input is not computed.
 */
export function findLogits(graph: Graph): LogitsChoice | undefined {
  const made = producersByTensor(graph);
  const seen = new Set<string>();
  let frontier = [...graph.outputs];
  while (frontier.length > 0) {
    const next: string[] = [];
    for (const tensor of frontier) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      const node = made.get(tensor);
      if (node === undefined) continue;
      const found = findSoftmaxInput(node, made);
      if (found !== undefined && made.has(found.tensor)) return found;
      next.push(...node.inputs);
    }
    frontier = next;
  }
  return undefined;
}

function findSoftmaxInput(node: GraphNode, made: ReadonlyMap<string, GraphNode>): LogitsChoice | undefined {
  if (SOFTMAX_OPS.has(node.op)) {
    return { tensor: node.inputs[0], why: `the input of the last softmax, ${node.name}` };
  }
  if (node.op === DENSE_SOFTMAX) {
    return { tensor: node.inputs[0], why: `the layer before ${node.name}, which has its softmax inside` };
  }
  if (!DIVIDE_OPS.has(node.op)) return undefined;
  const above = findProducer(node.inputs[0], made);
  const below = findProducer(node.inputs[1], made);
  if (above?.op !== 'Exp' || below === undefined || !SUM_OPS.has(below.op)) return undefined;
  const summed = findProducer(below.inputs[0], made);
  if (summed?.op !== 'Exp' || summed.inputs[0] !== above.inputs[0]) return undefined;
  return {
    tensor: above.inputs[0],
    why: `the input of the softmax written out as ${above.op} and ${node.op} ${node.name}`,
  };
}

function findProducer(tensor: string, made: ReadonlyMap<string, GraphNode>): GraphNode | undefined {
  let node = made.get(tensor);
  for (let hops = 0; node !== undefined && PASS_THROUGH_OPS.has(node.op) && hops < 8; hops++) {
    node = made.get(node.inputs[0]);
  }
  return node;
}
