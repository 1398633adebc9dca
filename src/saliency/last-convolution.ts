import { nodesBetween } from '../model/gradients/backward-graph.ts';
import type { Graph, GraphNode } from '../model/graph/graph.ts';

/** Convolutions whose results are feature maps of pictures. */
const CONVOLUTIONS: ReadonlySet<string> = new Set([
  ...['Conv', 'ConvTranspose', 'FusedConv', 'QLinearConv'],
  ...['Conv2D', 'Conv2DBackpropInput', 'DepthwiseConv2dNative'],
  ...['_FusedConv2D', 'FusedConv2D', 'FusedDepthwiseConv2dNative'],
]);

/** Operations of TensorFlow, whose feature maps are the last axis by default. */
const CHANNELS_LAST_OPS: ReadonlySet<string> = new Set([
  ...['Conv2D', 'Conv2DBackpropInput', 'DepthwiseConv2dNative'],
  ...['_FusedConv2D', 'FusedConv2D', 'FusedDepthwiseConv2dNative'],
]);

const RECTIFIERS: ReadonlySet<string> = new Set(['Relu', 'Relu6', 'Clip', 'ClipByValue']);

/** Operations between a convolution and its Relu. */
const CONTINUING_OPS: ReadonlySet<string> = new Set([
  ...['Add', 'AddV2', 'BiasAdd', 'BatchNormalization', 'InstanceNormalization', 'GroupNormalization'],
  ...['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3', 'Mul', 'Identity'],
]);

/** The activation of the last convolution. */
export interface LastConvolution {
  readonly tensor: string;
  /** Whether its feature maps are the first axis behind the batch, else the last. */
  readonly channelsFirst: boolean;
}

/**
 * The activation of the last convolution, in topological order, on the way from an input to the scores: behind its Relu where one
 * follows. Undefined where there is none.
 */
export function findLastConvolution(
  graph: Graph,
  input: string,
  scores: string,
): LastConvolution | undefined {
  const path = nodesBetween(graph, [input], [scores]);
  const last = path.filter(({ op }) => CONVOLUTIONS.has(op)).at(-1);
  if (last === undefined) return undefined;
  const format = last.attributes?.data_format ?? last.attributes?.dataFormat;
  const channelsFirst = !CHANNELS_LAST_OPS.has(last.op) || format === 'NCHW' || format === 'channelsFirst';
  return { tensor: behindRectifier(last, path) ?? last.outputs[0], channelsFirst };
}

/** The result of the Relu that a convolution leads to, through operations that belong to it; undefined where there is none. */
function behindRectifier(convolution: GraphNode, path: readonly GraphNode[]): string | undefined {
  let [tensor] = convolution.outputs;
  for (;;) {
    const readers = path.filter(({ inputs }) => inputs.includes(tensor));
    const [reader] = readers;
    if (readers.length !== 1) return undefined;
    if (RECTIFIERS.has(reader.op)) return reader.outputs[0];
    if (!CONTINUING_OPS.has(reader.op)) return undefined;
    [tensor] = reader.outputs;
  }
}
