import { dataOperands } from './data-operands.ts';
import type { Graph, GraphNode } from './graph.ts';
import { LAYOUT_OPS } from './layout-ops.ts';

/** Magnitude from which a constant beside a computed tensor is a mask: exports write −∞, −3.4e38, −65504, −1e9 or −10000. */
const MIN_MASK_MAGNITUDE = 1e4;

/** Limit on the operations that are followed back. */
const MAX_HOPS = 8;

/** Operations that bring a mask into values. */
const MASKING_OPS: ReadonlySet<string> = new Set([
  'Where',
  'Select',
  'SelectV2',
  'Add',
  'AddV2',
  'Sub',
  'Min',
  'Minimum',
]);

/** Operations whose results hold the mask that an operand holds. */
export const MASK_PASSING_OPS: ReadonlySet<string> = new Set([
  ...MASKING_OPS,
  ...LAYOUT_OPS,
  'BiasAdd',
  'Mul',
  'Cast',
  'Expand',
  'BroadcastTo',
  'Tile',
  'Transpose',
  'Slice',
  'StridedSlice',
  'Concat',
  'Gather',
  'GatherV2',
  'ScatterND',
  'ScatterElements',
  'Trilu',
]);

/** Operations that compare values, by the names of ONNX and of TensorFlow. */
export const COMPARING_OPS: ReadonlySet<string> = new Set([
  'Equal',
  'Greater',
  'GreaterEqual',
  'GreaterOrEqual',
  'Less',
  'LessEqual',
  'LessOrEqual',
]);

/** Operations for which −∞ means "left out": their results are as if the element was not there. */
const MASK_READING_OPS: ReadonlySet<string> = new Set([
  ...COMPARING_OPS,
  'Softmax',
  'LogSoftmax',
  'ReduceMax',
  'Max',
  'ReduceLogSumExp',
  'Exp',
  'ArgMax',
  'TopK',
  'TopKV2',
  'IsInf',
  'IsNaN',
]);

/** Whether a small constant holds values that only masks have. */
export function holdsMaskValue(graph: Graph, constant: string): boolean {
  return graph.values.get(constant)?.some((value) => Math.abs(value) >= MIN_MASK_MAGNITUDE) ?? false;
}

/** Whether a tensor's values are huge by construction, since a constant masks some of them. */
export function isMaskedTensor(
  graph: Graph,
  producers: ReadonlyMap<string, GraphNode>,
  tensor: string,
  hops = 0,
): boolean {
  if (graph.constants.has(tensor)) return holdsMaskValue(graph, tensor);
  const node = producers.get(tensor);
  if (node === undefined || hops > MAX_HOPS || !MASK_PASSING_OPS.has(node.op)) return false;
  return dataOperands(node).some((name) => isMaskedTensor(graph, producers, name, hops + 1));
}

/** The tensor that a mask is laid over; the tensor itself where none is. Undefined where all of it is a mask. */
export function findTensorBeforeMask(
  graph: Graph,
  producers: ReadonlyMap<string, GraphNode>,
  tensor: string,
): string | undefined {
  let current = tensor;
  for (let hops = 0; hops <= MAX_HOPS && isMaskedTensor(graph, producers, current); hops++) {
    const node = producers.get(current);
    const computed = (node === undefined ? [] : dataOperands(node)).filter((name) => producers.has(name));
    const unmasked = computed.find((name) => !isMaskedTensor(graph, producers, name)) ?? computed[0];
    if (unmasked === undefined) return undefined;
    current = unmasked;
  }
  return isMaskedTensor(graph, producers, current) ? undefined : current;
}

/**
 * Inner tensors in which −∞ is a mask: constants put it in, and only operations for which it means "left out" read it.
 *
 * @param isMaskConstant whether a constant holds −∞, or values so low that two of them add up to it
 */
export function findMaskOnlyTensors(
  graph: Graph,
  isMaskConstant: (name: string) => boolean,
): ReadonlySet<string> {
  const transparent = findMaskTransparentTensors(graph);
  const masked = new Set<string>();
  const holdsMask = (name: string): boolean =>
    masked.has(name) || (graph.constants.has(name) && isMaskConstant(name));
  for (const { inputs, outputs } of graph.nodes)
    if (transparent.has(outputs[0]) && inputs.some(holdsMask)) masked.add(outputs[0]);
  return masked;
}

/** Results of operations that may bring in masks, as far as only operations that read masks use them. */
function findMaskTransparentTensors(graph: Graph): ReadonlySet<string> {
  const transparent = new Set<string>();
  for (const { op, outputs } of graph.nodes) if (MASK_PASSING_OPS.has(op)) transparent.add(outputs[0]);
  for (const output of graph.outputs) transparent.delete(output);
  // Backwards, so that all readers of a tensor are decided before it.
  for (const { op, inputs, outputs, subgraphs = [] } of [...graph.nodes].reverse()) {
    const isTransparent =
      subgraphs.length === 0 &&
      (MASK_READING_OPS.has(op) ||
        (MASK_PASSING_OPS.has(op) && outputs.every((name) => transparent.has(name))));
    if (!isTransparent) for (const name of inputs) transparent.delete(name);
  }
  return transparent;
}
