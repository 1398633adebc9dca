import { dataOperands } from './data-operands.ts';
import { type Graph, type GraphNode, producersByTensor } from './graph.ts';
import { findInputDependentTensors } from './input-dependence.ts';
import { LAYOUT_OPS } from './layout-ops.ts';
import { findTensorBeforeMask } from './masks.ts';

/** The tensor of logits, and how it was found. */
export interface LogitsChoice {
  readonly tensor: string;
  readonly why: string;
}

const SOFTMAX_OPS = new Set(['Softmax', 'LogSoftmax']);
const SUM_OPS = new Set(['Sum', 'ReduceSum']);
const DIVIDE_OPS = new Set(['Div', 'RealDiv']);
const PASS_THROUGH_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Cast', 'Transpose']);
const MAX_PASS_THROUGH_HOPS = 8;

/**
 * Finds the logits: the input of the classifier's softmax nearest to an output, as one operation or as
 * Exp / ReduceSum / Div, before constants mask any of them. A softmax is the classifier's where it leads to an output
 * without a contraction with another computed tensor: those of attention weigh values. Undefined if the graph has no such
 * softmax, or the softmax reads a graph input.
 */
export function findLogits(graph: Graph): LogitsChoice | undefined {
  const producers = producersByTensor(graph);
  const dependent = findInputDependentTensors(graph);
  const attention = findContractedTensors(graph, dependent, producers);
  const seen = new Set<string>();
  let frontier = [...graph.outputs];
  while (frontier.length > 0) {
    const next: string[] = [];
    for (const tensor of frontier) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      const node = producers.get(tensor);
      if (node === undefined || isContraction(node, dependent)) continue;
      const found = attention.has(tensor) ? undefined : findSoftmaxInput(node, producers);
      const logits = found && findTensorBeforeMask(graph, producers, found.tensor);
      if (found !== undefined && logits !== undefined && producers.has(logits) && dependent.has(logits))
        return logits === found.tensor ? found : { tensor: logits, why: `${found.why}, before its mask` };
      next.push(...dataOperands(node));
    }
    frontier = next;
  }
  return undefined;
}

/** Products of two tensors that sum along an axis. */
const CONTRACTION_OPS: ReadonlySet<string> = new Set([
  'MatMul',
  'BatchMatMul',
  'BatchMatMulV2',
  'BatchMatMulV3',
  'FusedMatMul',
  'Gemm',
  'Einsum',
  'Dot',
]);

/** Whether a node contracts two tensors that both depend on the inputs, as attention does. */
function isContraction({ op, inputs }: GraphNode, dependent: ReadonlySet<string>): boolean {
  return (
    CONTRACTION_OPS.has(op) && inputs.length > 1 && inputs.slice(0, 2).every((name) => dependent.has(name))
  );
}

/** Tensors that contractions of two computed tensors read, also behind operations that only rearrange them. */
export function findContractedTensors(
  graph: Graph,
  dependent: ReadonlySet<string>,
  producers: ReadonlyMap<string, GraphNode>,
): ReadonlySet<string> {
  const contracted = new Set<string>();
  for (const node of graph.nodes) {
    if (!isContraction(node, dependent)) continue;
    for (const operand of node.inputs.slice(0, 2)) {
      let tensor: string | undefined = operand;
      for (let hops = 0; tensor !== undefined && hops < MAX_PASS_THROUGH_HOPS; hops++) {
        contracted.add(tensor);
        const producer = producers.get(tensor);
        tensor = producer !== undefined && PASS_THROUGH_OPS.has(producer.op) ? producer.inputs[0] : undefined;
      }
    }
  }
  return contracted;
}

function findSoftmaxInput(
  node: GraphNode,
  producers: ReadonlyMap<string, GraphNode>,
): LogitsChoice | undefined {
  if (SOFTMAX_OPS.has(node.op)) {
    return { tensor: node.inputs[0], why: `the logits: input of the softmax ${node.name}` };
  }
  if (!DIVIDE_OPS.has(node.op)) return undefined;
  const numerator = findProducer(node.inputs[0], producers);
  const denominator = findProducer(node.inputs[1], producers);
  if (numerator?.op !== 'Exp' || denominator === undefined || !SUM_OPS.has(denominator.op)) return undefined;
  const summed = findProducer(denominator.inputs[0], producers);
  if (summed?.op !== 'Exp' || summed.inputs[0] !== numerator.inputs[0]) return undefined;
  return {
    tensor: numerator.inputs[0],
    why: `the logits: input of the softmax that ${numerator.op} and ${node.op} ${node.name} compute`,
  };
}

/** The operation that computes a tensor's values, behind operations that only rearrange or convert them. */
function findProducer(tensor: string, producers: ReadonlyMap<string, GraphNode>): GraphNode | undefined {
  let node = producers.get(tensor);
  for (
    let hops = 0;
    node !== undefined && PASS_THROUGH_OPS.has(node.op) && hops < MAX_PASS_THROUGH_HOPS;
    hops++
  ) {
    node = producers.get(node.inputs[0]);
  }
  return node;
}
