import type { Graph, GraphNode } from './graph.ts';
import { ComparableTensors, isWeighted, type WatchableGraph } from './output-layers.ts';

/** Operations that belong to the layer whose result they take: a bias, a normalisation with fixed statistics, an activation function. */
const CONTINUING_OPS: ReadonlySet<string> = new Set([
  ...[
    'Add',
    'AddV2',
    'BiasAdd',
    'BatchNormalization',
    'FusedBatchNorm',
    'FusedBatchNormV2',
    'FusedBatchNormV3',
  ],
  ...[
    'Relu',
    'Relu6',
    'LeakyRelu',
    'PRelu',
    'Prelu',
    'Elu',
    'Selu',
    'Celu',
    'Gelu',
    'FastGelu',
    'BiasGelu',
    'Clip',
    'ClipByValue',
  ],
  ...[
    'Sigmoid',
    'Tanh',
    'HardSigmoid',
    'HardSwish',
    'Mish',
    'Softplus',
    'Softsign',
    'ThresholdedRelu',
    'Swish',
  ],
]);

/** Behind these a Reshape separates the sequences that were joined for one product; behind a convolution it joins feature maps. */
const PRODUCT_OPS: ReadonlySet<string> = new Set(['Gemm', 'MatMul', 'FusedMatMul', '_FusedMatMul']);

const RECURRENT_OPS: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);

/**
 * The results of a model's layers: of each operation with weights, behind its bias, normalisation and activation function. In
 * topological order.
 */
export function findLayers(model: WatchableGraph): string[] {
  const { graph } = model;
  const tensors = new ComparableTensors(model);
  const consumers = consumersByTensor(graph);
  const layers = graph.nodes
    .filter((node) => (isWeighted(node.op) && hasWeights(graph, node)) || RECURRENT_OPS.has(node.op))
    .map((node) => endOf(node, graph, consumers, tensors))
    .filter((name) => name !== undefined);
  return [...new Set(layers)];
}

function hasWeights(graph: Graph, { inputs }: GraphNode): boolean {
  return inputs.some((name) => graph.constants.has(name));
}

/** The last tensor of a layer that can be watched; undefined where none can. */
function endOf(
  node: GraphNode,
  graph: Graph,
  consumers: ReadonlyMap<string, readonly GraphNode[]>,
  tensors: ComparableTensors,
): string | undefined {
  let [tensor] = node.outputs;
  let last = tensors.has(tensor) ? tensor : undefined;
  for (;;) {
    const [next, ...others] = consumers.get(tensor) ?? [];
    if (next === undefined || others.length > 0 || !continues(next, tensor, graph, node)) return last;
    [tensor] = next.outputs;
    if (tensors.has(tensor)) last = tensor;
  }
}

/** Whether an operation takes a layer's result and constants alone: an addition of two results joins layers. */
function continues({ op, inputs }: GraphNode, tensor: string, graph: Graph, layer: GraphNode): boolean {
  if (op === 'Reshape' && PRODUCT_OPS.has(layer.op)) return inputs[0] === tensor;
  return (
    CONTINUING_OPS.has(op) &&
    inputs.every((name) => name === tensor || name === '' || graph.constants.has(name))
  );
}

function consumersByTensor({ nodes }: Graph): ReadonlyMap<string, readonly GraphNode[]> {
  const consumers = new Map<string, GraphNode[]>();
  for (const node of nodes)
    for (const name of new Set(node.inputs)) {
      const known = consumers.get(name);
      if (known === undefined) consumers.set(name, [node]);
      else known.push(node);
    }
  return consumers;
}
