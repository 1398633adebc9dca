import { expandActivation, expandAs, expandPRelu, expandRelu, expandSoftmax } from './activations.ts';
import type { Layer } from './layer-call.ts';
import type { LayerExpander, LayerNodes } from './layer-nodes.ts';
import { expandDot, expandMerge } from './merging-layers.ts';
import { expandBatchNormalization, expandLayerNormalization } from './normalization-layers.ts';
import {
  expandFlatten,
  expandIdentity,
  expandOne,
  expandPermute,
  expandPooling,
  expandUpSampling,
} from './rearranging-layers.ts';
import { expandBidirectional, expandRecurrent } from './recurrent-layers.ts';
import {
  expandEmbedding,
  expandRescaling,
  expandSeparableConvolution,
  expandWeighted,
} from './weighted-layers.ts';

/** Layers of TensorFlow.js by class name; others are one node of their class's name. */
const EXPANDERS: ReadonlyMap<string, LayerExpander> = new Map([
  ['Dense', expandWeighted('MatMul')],
  ['Conv1D', expandWeighted('Conv1D')],
  ['Conv2D', expandWeighted('Conv2D')],
  ['Conv3D', expandWeighted('Conv3D')],
  ['Conv2DTranspose', expandWeighted('Conv2DTranspose')],
  ['Conv3DTranspose', expandWeighted('Conv3DTranspose')],
  ['DepthwiseConv2D', expandWeighted('DepthwiseConv2dNative', 'depthwise_kernel')],
  ['SeparableConv2D', expandSeparableConvolution],
  ['Embedding', expandEmbedding],
  ['Rescaling', expandRescaling],
  ['BatchNormalization', expandBatchNormalization],
  ['LayerNormalization', expandLayerNormalization],
  ['Activation', expandActivation],
  ['ReLU', expandRelu],
  ['PReLU', expandPRelu],
  ['LeakyReLU', expandAs('LeakyRelu', 'alpha')],
  ['ELU', expandAs('Elu', 'alpha')],
  ['ThresholdedReLU', expandAs('ThresholdedRelu', 'theta')],
  ['Softmax', expandSoftmax],
  ['Flatten', expandFlatten],
  ['Reshape', expandOne('Reshape', ['targetShape'])],
  ['Permute', expandPermute],
  ['RepeatVector', expandOne('Tile', ['n'])],
  ['Masking', expandOne('Masking', ['maskValue'])],
  ['Cropping2D', expandOne('Slice', ['cropping'])],
  ['ZeroPadding2D', expandOne('Pad', ['padding'])],
  ['UpSampling2D', expandUpSampling],
  ...['Dropout', 'SpatialDropout1D', 'GaussianNoise', 'GaussianDropout', 'AlphaDropout'].map(
    (name): [string, LayerExpander] => [name, expandIdentity],
  ),
  ...['1D', '2D'].flatMap((size): [string, LayerExpander][] => [
    [`MaxPooling${size}`, expandPooling('MaxPool')],
    [`AveragePooling${size}`, expandPooling('AvgPool')],
    [`GlobalMaxPooling${size}`, expandOne('GlobalMaxPool')],
    [`GlobalAveragePooling${size}`, expandOne('GlobalAveragePool')],
  ]),
  ['MaxPooling3D', expandPooling('MaxPool3D')],
  ['AveragePooling3D', expandPooling('AvgPool3D')],
  ['Add', expandMerge('Add')],
  ['Multiply', expandMerge('Mul')],
  ['Average', expandMerge('Mean')],
  ['Maximum', expandMerge('Maximum')],
  ['Minimum', expandMerge('Minimum')],
  ['Concatenate', expandMerge('Concat')],
  ['Dot', expandDot],
  ['SimpleRNN', expandRecurrent],
  ['LSTM', expandRecurrent],
  ['GRU', expandRecurrent],
  ['Bidirectional', expandBidirectional],
  ['TimeDistributed', expandTimeDistributed],
]);

/** Adds the nodes of a layer. */
export function expandLayer(nodes: LayerNodes, layer: Layer): void {
  const expander = EXPANDERS.get(layer.getClassName());
  if (expander === undefined) nodes.add(layer.getClassName(), nodes.call.inputs);
  else expander(nodes, layer);
}

/** A layer that is applied at each step has the nodes of that layer, on tensors with an axis more. */
function expandTimeDistributed(nodes: LayerNodes, layer: Layer): void {
  const { layer: inner } = layer as unknown as { readonly layer: Layer };
  const expander = EXPANDERS.get(inner.getClassName());
  // Models and recurrent layers within stay one operation.
  if (expander === undefined || UNDISTRIBUTED.has(inner.getClassName()))
    nodes.add('TimeDistributed', nodes.call.inputs);
  else nodes.atEachStep(() => expander(nodes, inner));
}

/** Layers whose operations over a sequence of inputs are not those over one with an axis more. */
const UNDISTRIBUTED: ReadonlySet<string> = new Set([
  ...['SimpleRNN', 'LSTM', 'GRU', 'Bidirectional', 'TimeDistributed', 'SeparableConv2D', 'Permute'],
]);
