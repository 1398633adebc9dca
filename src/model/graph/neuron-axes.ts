import { ELEMENTWISE_OPS, findFeatureMaps } from './feature-maps.ts';
import type { Graph, GraphNode } from './graph.ts';

/**
 * Where the neurons of a row lie: `maps`, along the first axis, each with the values of a feature map; `last`, along the last axis, behind
 * the positions; `units`, along all axes behind the positions on the first one.
 */
export type NeuronAxes = 'maps' | 'last' | 'units';

const PRODUCT_OPS: ReadonlySet<string> = new Set(['Gemm', 'MatMul', 'FusedMatMul', 'FusedGemm']);

/** Their first result is [positions, directions, batch, hidden]. */
const RECURRENT_OPS: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);

/** Operations within each feature map. */
const MAP_OPS: ReadonlySet<string> = new Set([
  ...['AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'LpPool', 'MaxPool'],
  ...['GroupNormalization', 'InstanceNormalization', 'LRN', 'Resize', 'Upsample'],
]);

/** Normalisations that keep the shape, wherever neurons lie. */
const NORMALIZATIONS: ReadonlySet<string> = new Set([
  'LayerNormalization',
  'SimplifiedLayerNormalization',
  'SkipLayerNormalization',
]);

const BINARY_OPS: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div']);

/** What takes feature maps: a product that is reshaped for it holds such. */
const TAKES_MAPS: ReadonlySet<string> = new Set([
  ...['BatchNormalization', 'Conv', 'ConvTranspose'],
  ...MAP_OPS,
]);

/** Where neurons lie in the tensors of an ONNX graph, as far as the operations tell. */
export function findNeuronAxes(graph: Graph): ReadonlyMap<string, NeuronAxes> {
  const axes = new Map<string, NeuronAxes>([...findFeatureMaps(graph)].map((name) => [name, 'maps']));
  const takingMaps = new Set(
    graph.nodes.filter(({ op }) => TAKES_MAPS.has(op)).map(({ inputs: [first] }) => first),
  );
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const found = axesOfResult(node, graph, axes, takingMaps);
    if (found !== undefined && !axes.has(output)) axes.set(output, found);
  }
  return axes;
}

function axesOfResult(
  { op, inputs, outputs: [output], attributes }: GraphNode,
  { constants }: Graph,
  axes: ReadonlyMap<string, NeuronAxes>,
  takingMaps: ReadonlySet<string>,
): NeuronAxes | undefined {
  const ofInputs = inputs.map((name) => axes.get(name));
  const [first] = ofInputs;
  if (PRODUCT_OPS.has(op) && inputs.some((name) => constants.has(name))) return 'last';
  if (RECURRENT_OPS.has(op)) return 'units';
  if (ELEMENTWISE_OPS.has(op) || NORMALIZATIONS.has(op)) return first;
  if (MAP_OPS.has(op)) return first === 'maps' ? 'maps' : undefined;
  // The heads of attention are units: [positions, heads, dimensions].
  if (op === 'Reshape' && first === 'last') return takingMaps.has(output) ? 'maps' : 'units';
  const computed = ofInputs.filter((_, i) => inputs[i] !== '' && !constants.has(inputs[i]));
  const areAlike = computed.length > 0 && computed.every((other) => other === computed[0]);
  if (BINARY_OPS.has(op)) return areAlike ? computed[0] : undefined;
  if (op === 'Concat')
    return areAlike && computed[0] === 'maps' && attributes?.axis === 1 ? 'maps' : undefined;
  return undefined;
}
