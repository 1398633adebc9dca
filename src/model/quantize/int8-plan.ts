import { UserError } from '../../core/errors.ts';
import { DATA_TYPE } from '../formats/onnx/tensor.ts';
import { LAYOUT_OPS } from '../graph/layout-ops.ts';
import { type DraftNode, type DraftWeight, type OnnxDraft, openOnnxDraft } from './onnx-draft.ts';

/** A node with an integer kernel and constant weights. */
export interface QuantizableNode {
  readonly node: DraftNode;
  readonly weight: DraftWeight;
  /** Axis of the weight that counts channels. */
  readonly axis: number;
  /** One value for each channel; undefined if there is none. */
  readonly bias: DraftWeight | undefined;
}

/** The operations and tensors that are quantized to int8. */
export interface Int8Plan {
  readonly nodes: readonly QuantizableNode[];
  /** For each tensor that becomes integers, the one whose calibration range it takes. */
  readonly rangeSources: ReadonlyMap<string, string>;
}

/** Channel axis of the weight of each operation with integer kernels. */
const CHANNEL_AXIS: Readonly<Record<string, (node: DraftNode, rank: number) => number>> = {
  Conv: () => 0,
  MatMul: (_node, rank) => rank - 1,
  Gemm: (node) => (Number(node.attribute.find(({ name }) => name === 'transB')?.i ?? 0) === 1 ? 0 : 1),
};

/** Operations whose results lie within the range of their input, so that both share one scale. */
const SCALE_SHARING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'MaxPool', 'Transpose']);

/** @throws UserError if the model has nothing to quantize */
export function planInt8(draft: OnnxDraft): Int8Plan {
  const nodes = draft.graph.node.flatMap((node): QuantizableNode[] => quantizable(node, draft) ?? []);
  if (nodes.length === 0) {
    throw new UserError(
      `${draft.path} has no Conv, MatMul or Gemm with constant weights: there is nothing to quantize to int8`,
    );
  }
  return { nodes, rangeSources: findRangeSources(nodes, draft) };
}

/**
 * Tensors whose ranges `quantizeOnnxToInt8` needs.
 *
 * @throws UserError if the model is quantized already, or has nothing to quantize
 */
export function tensorsToCalibrate(bytes: Uint8Array, path: string): string[] {
  return [...new Set(planInt8(openOnnxDraft(bytes, path)).rangeSources.values())];
}

function quantizable(node: DraftNode, { weights }: OnnxDraft): QuantizableNode[] | undefined {
  if (!Object.hasOwn(CHANNEL_AXIS, node.opType)) return undefined;
  const [input = '', weightName = '', biasName = ''] = node.input;
  const weight = weights.get(weightName);
  if (weights.has(input) || weight?.dataType !== DATA_TYPE.float32 || weight.dims.length < 2)
    return undefined;
  const axis = CHANNEL_AXIS[node.opType](node, weight.dims.length);
  if (node.opType === 'MatMul' || biasName === '') return [{ node, weight, axis, bias: undefined }];
  const bias = weights.get(biasName);
  if (bias?.dataType !== DATA_TYPE.float32 || bias.dims.length !== 1) return undefined;
  return [{ node, weight, axis, bias }];
}

function findRangeSources(
  nodes: readonly QuantizableNode[],
  { graph, originalGraph }: OnnxDraft,
): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const {
    node: { input, output },
  } of nodes) {
    sources.set(input[0], input[0]);
    const [result] = output;
    const readers = graph.node.filter((node) => node.input.includes(result));
    const isOutput = graph.output.some(({ name }) => name === result);
    // A Relu is fused: it is what rounding to unsigned integers with a zero point of 0 does.
    const isFused = readers.length === 1 && readers[0].opType === 'Relu' && !isOutput;
    const quantized = isFused ? readers[0].output[0] : result;
    sources.set(quantized, quantized);
  }
  for (const { opType, input, output } of graph.node) {
    const source = sources.get(input[0]);
    const [result] = output;
    if (
      source !== undefined &&
      SCALE_SHARING_OPS.has(opType) &&
      originalGraph.types.get(result) === 'float32'
    )
      sources.set(result, source);
  }
  return sources;
}
