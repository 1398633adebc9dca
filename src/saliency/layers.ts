import { type Graph, type GraphNode, producersByTensor } from '../model/graph/graph.ts';
import { DTYPES } from '../tensor/tensor.ts';

/** A layer with weights: a node with constants of two or more dimensions, and its bias. */
export interface WeightLayer {
  /** Name of its node. */
  readonly name: string;
  readonly op: string;
  /** Constants that hold its weights and its bias; a constant that two layers share is the first one's. */
  readonly constants: readonly string[];
}

/** Where an operation has weights and a bias among its operands. */
interface Operands {
  /** Positions of weights, of which one at least must have two dimensions; all by default. */
  readonly weights?: readonly number[];
  readonly bias?: number;
}

const ANY: Operands = {};
const BIAS_THIRD: Operands = { weights: [0, 1], bias: 2 };
const FILTER_SECOND: Operands = { weights: [1] };
const TABLE_FIRST: Operands = { weights: [0] };
const RECURRENT: Operands = { weights: [1, 2], bias: 3 };

/** Operations that multiply by weights, or look rows of them up. */
const WEIGHTED_OPS: Readonly<Record<string, Operands>> = {
  Conv: BIAS_THIRD,
  ConvTranspose: BIAS_THIRD,
  FusedConv: BIAS_THIRD,
  ConvInteger: FILTER_SECOND,
  QLinearConv: { weights: [3], bias: 8 },
  Gemm: BIAS_THIRD,
  FusedGemm: BIAS_THIRD,
  QGemm: { weights: [3], bias: 6 },
  QLinearMatMul: { weights: [0, 3] },
  MatMulInteger: { weights: [0, 1] },
  MatMul: { weights: [0, 1] },
  FusedMatMul: { weights: [0, 1] },
  Einsum: ANY,
  LSTM: RECURRENT,
  GRU: RECURRENT,
  RNN: RECURRENT,
  Attention: { weights: [1], bias: 2 },
  Gather: TABLE_FIRST,
  GatherV2: TABLE_FIRST,
  ResourceGather: TABLE_FIRST,
  Conv1D: FILTER_SECOND,
  Conv2D: FILTER_SECOND,
  Conv3D: FILTER_SECOND,
  Conv2DBackpropInput: FILTER_SECOND,
  DepthwiseConv2dNative: FILTER_SECOND,
  FusedDepthwiseConv2dNative: BIAS_THIRD,
  _FusedConv2D: BIAS_THIRD,
  FusedConv2D: BIAS_THIRD,
  _FusedMatMul: BIAS_THIRD,
  BatchMatMul: { weights: [0, 1] },
  BatchMatMulV2: { weights: [0, 1] },
  BatchMatMulV3: { weights: [0, 1] },
};

/** Operations that add a bias behind a layer. */
const ADDING_OPS: ReadonlySet<string> = new Set(['Add', 'AddV2', 'BiasAdd']);

/** Operations whose result holds the same weights in another form. */
const FORM_OPS: ReadonlySet<string> = new Set([
  ...['Identity', 'Cast', 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'ExpandDims'],
  ...['ReadVariableOp', 'DequantizeLinear', 'QuantizeLinear'],
]);

/** Most operations between weights and their layer. */
const MAX_HOPS = 8;

/** The layers with weights of a model's main graph, in topological order. */
export function findWeightLayers(graph: Graph): WeightLayer[] {
  const producers = producersByTensor(graph);
  const taken = new Set<string>();
  return graph.nodes.flatMap((node) => {
    const operands = Object.hasOwn(WEIGHTED_OPS, node.op) ? WEIGHTED_OPS[node.op] : undefined;
    if (operands === undefined) return [];
    const constantAt = (position: number): string | undefined =>
      constantBehind(node.inputs[position] ?? '', graph, producers);
    const positions = operands.weights ?? node.inputs.map((_, i) => i);
    const weights = positions
      .map(constantAt)
      .filter((name) => name !== undefined && rankOf(graph, name) >= 2 && holdsWeights(graph, name, node));
    const bias = operands.bias === undefined ? undefined : constantAt(operands.bias);
    const all = [...weights, bias ?? addedBias(node, graph, producers)];
    const constants = [...new Set(all)].filter((name) => name !== undefined && !taken.has(name)) as string[];
    for (const name of constants) taken.add(name);
    const hasWeights = constants.some((name) => weights.includes(name));
    return hasWeights ? [{ name: node.name || node.outputs[0], op: node.op, constants }] : [];
  });
}

function rankOf(graph: Graph, constant: string): number {
  return graph.constants.get(constant)?.length ?? 0;
}

/** Tables of whole numbers hold indices; products of them are of quantized models. */
function holdsWeights(graph: Graph, constant: string, { op }: GraphNode): boolean {
  const type = graph.types.get(constant);
  if (type === undefined || DTYPES[type].kind === 'float') return true;
  return WEIGHTED_OPS[op] !== TABLE_FIRST && DTYPES[type].bytes === 1;
}

/** The constant that an operand holds, perhaps in another form; undefined where it is none. */
function constantBehind(
  operand: string,
  graph: Graph,
  producers: ReadonlyMap<string, GraphNode>,
): string | undefined {
  let name = operand;
  for (let hops = 0; hops <= MAX_HOPS; hops++) {
    if (graph.constants.has(name)) return name;
    const producer = producers.get(name);
    if (producer === undefined || !FORM_OPS.has(producer.op)) return undefined;
    [name] = producer.inputs;
  }
  return undefined;
}

/** The bias that is added right behind a node; undefined where there is none. */
function addedBias(
  node: GraphNode,
  graph: Graph,
  producers: ReadonlyMap<string, GraphNode>,
): string | undefined {
  const [result] = node.outputs;
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(result));
  const [reader] = readers;
  if (readers.length !== 1 || !ADDING_OPS.has(reader.op)) return undefined;
  const other = reader.inputs.find((name) => name !== result) ?? '';
  const bias = constantBehind(other, graph, producers);
  return bias !== undefined && rankOf(graph, bias) >= 1 ? bias : undefined;
}
