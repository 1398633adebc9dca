import { DTYPES } from '../../tensor/tensor.ts';
import { dataOperands } from './data-operands.ts';
import { type Graph, type GraphNode, producersByTensor } from './graph.ts';
import { findInputDependentTensors } from './input-dependence.ts';
import { LAYOUT_OPS } from './layout-ops.ts';
import { isMaskedTensor } from './masks.ts';

/** A graph with the names of the tensors that a run can show. */
export interface WatchableGraph {
  readonly graph: Graph;
  readonly outputs: readonly string[];
  readonly watchable: readonly string[];
}

/** Operations that only rearrange or convert their operand's values: they do not count as a layer. */
const REARRANGING_OPS: ReadonlySet<string> = new Set([
  ...LAYOUT_OPS,
  'Cast',
  'Transpose',
  'DequantizeLinear',
]);

/** Layers whose results are sums of products: nothing saturates them. */
const LINEAR_OPS: ReadonlySet<string> = new Set([
  'MatMul',
  'Gemm',
  'FusedMatMul',
  'FusedGemm',
  'MatMulInteger',
  'MatMulNBits',
  'QLinearMatMul',
  'QGemm',
  'Conv',
  'ConvTranspose',
  'QLinearConv',
  'BatchMatMul',
  'BatchMatMulV2',
  'Conv1D',
  'Conv2D',
  'Conv3D',
  'Conv2DTranspose',
  'Conv3DTranspose',
  'DepthwiseConv2dNative',
  '_FusedMatMul',
  '_FusedConv2D',
  'FusedConv',
  'FusedConv2D',
]);

/** Whether an operation is a linear layer, such as a convolution. */
export function isWeighted(op: string): boolean {
  return LINEAR_OPS.has(op);
}

const BIAS_OPS: ReadonlySet<string> = new Set(['Add', 'AddV2', 'BiasAdd']);

const MAX_HOPS = 8;

/** Whether coverage can compare a tensor's values: floats that depend on the inputs, and hold no mask. */
export class ComparableTensors {
  readonly #graph: Graph;
  readonly #watchable: ReadonlySet<string>;
  readonly #dependent: ReadonlySet<string>;
  readonly producers: ReadonlyMap<string, GraphNode>;

  constructor({ graph, watchable }: WatchableGraph) {
    this.#graph = graph;
    this.#watchable = new Set(watchable);
    this.#dependent = findInputDependentTensors(graph);
    this.producers = producersByTensor(graph);
  }

  has(name: string): boolean {
    return (
      this.#watchable.has(name) && this.#dependent.has(name) && this.isFloat(name) && !this.isMasked(name)
    );
  }

  /** Whether a tensor holds floats, as far as its type is known. */
  isFloat(name: string): boolean {
    const type = this.#graph.types.get(name);
    return type === undefined || DTYPES[type].kind === 'float';
  }

  isMasked(name: string): boolean {
    return isMaskedTensor(this.#graph, this.producers, name);
  }
}

/** Outputs of values: without those that a next run takes as its state, unless there are no others. */
export function findValueOutputs({ graph, outputs }: WatchableGraph): readonly string[] {
  const values = outputs.filter((name) => !isStateOutput(graph, name));
  return values.length > 0 ? values : outputs;
}

const CACHE_NAME = /^(present|past)/i;

/** A state has the shape of an input beside other inputs, or a name that exports give key-value caches. */
function isStateOutput(graph: Graph, output: string): boolean {
  if (CACHE_NAME.test(output)) return true;
  const shape = graph.shapes.get(output);
  if (shape === undefined || shape.length < 2 || graph.inputs.length < 2) return false;
  return graph.inputs.some((input) => {
    const other = graph.shapes.get(input);
    return other?.length === shape.length && other.every((size, axis) => size === shape[axis]);
  });
}

/** Whether an output is the sum of products of a linear layer, which is as good as the layer before it. */
export function isLinearOutput({ producers }: ComparableTensors, output: string): boolean {
  const node = findLayer(producers, output);
  if (node === undefined) return false;
  if (LINEAR_OPS.has(node.op)) return true;
  if (!BIAS_OPS.has(node.op)) return false;
  return node.inputs.some((name) => LINEAR_OPS.has(findLayer(producers, name)?.op ?? ''));
}

function findLayer(producers: ReadonlyMap<string, GraphNode>, tensor: string): GraphNode | undefined {
  let node = producers.get(tensor);
  for (let hops = 0; node !== undefined && REARRANGING_OPS.has(node.op) && hops < MAX_HOPS; hops++)
    node = producers.get(node.inputs[0]);
  return node;
}

/** The nearest tensor before an output that coverage can compare; conditions and indices do not count. */
export function findLayerBefore(tensors: ComparableTensors, output: string): string | undefined {
  const { producers } = tensors;
  let tensor: string | undefined = output;
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    const node = producers.get(tensor);
    if (node === undefined) return undefined;
    const computed = dataOperands(node).filter((name) => producers.has(name));
    const before = computed.find((name) => tensors.has(name));
    if (before !== undefined && !REARRANGING_OPS.has(node.op)) return before;
    const next: string | undefined = before ?? computed[0];
    if (next === undefined) return undefined;
    tensor = next;
  }
  return undefined;
}
