import * as tf from '@tensorflow/tfjs-core';
import { activationOf, addActivation, withoutActivation, withoutBias } from './activations.ts';
import type { Layer } from './layer-call.ts';
import { type InnerTensor, type LayerExpander, type LayerNodes, settingsOf } from './layer-nodes.ts';

const CONVOLUTION_SETTINGS = ['strides', 'padding', 'dataFormat', 'dilationRate'] as const;

/** A layer that multiplies by its kernel, adds its bias and applies its activation function. */
export const expandWeighted =
  (op: string, kernel = 'kernel'): LayerExpander =>
  (nodes, layer) => {
    const weights = nodes.weight(layer, kernel) ?? '';
    const attributes = settingsOf(layer, CONVOLUTION_SETTINGS);
    const product = nodes.add(op, [nodes.input, weights], attributes, withoutBias(nodes, layer));
    addBiasAndActivation(nodes, layer, product);
  };

function addBiasAndActivation(nodes: LayerNodes, layer: Layer, product: string): void {
  const bias = nodes.weight(layer, 'bias');
  const compute = withoutActivation(nodes, layer);
  const sum = bias === undefined ? product : nodes.add('BiasAdd', [product, bias], {}, compute);
  addActivation(nodes, layer, sum);
  const activation = activationOf(layer);
  if (activation !== undefined && activation.getClassName() !== 'linear')
    nodes.separateActivation({ tensor: sum, apply: (before) => activation.apply(before) });
}

/** A depthwise convolution and a pointwise one; TensorFlow.js runs them as two operations (separable_conv2d.ts). */
export const expandSeparableConvolution: LayerExpander = (nodes, layer) => {
  const [depthwiseKernel, pointwiseKernel] = ['depthwise_kernel', 'pointwise_kernel'].map(
    (name) => nodes.weight(layer, name) ?? '',
  );
  const settings = settingsOf(layer, CONVOLUTION_SETTINGS);
  const isChannelsFirst = settings.dataFormat === 'channelsFirst';
  const [batch, ...sizes] = nodes.call.outputShapes[0];
  const [height, width, channels] = isChannelsFirst ? [...sizes.slice(1), sizes[0]] : sizes;
  const depthwise = nodes.add(
    'DepthwiseConv2dNative',
    [nodes.input, depthwiseKernel],
    settings,
    depthwiseOf(layer),
    [batch, height, width, layer.weights[1].shape[2]],
  );
  if (!isChannelsFirst) {
    const product = nodes.add('Conv2D', [depthwise, pointwiseKernel], {}, withoutBias(nodes, layer));
    addBiasAndActivation(nodes, layer, product);
    return;
  }
  // The layer applies its activation function before it moves the channels back: neither is a tensor of its result's form.
  const shape = [batch, height, width, channels];
  const product = nodes.add('Conv2D', [depthwise, pointwiseKernel], {}, undefined, shape);
  const bias = nodes.weight(layer, 'bias');
  const sum = bias === undefined ? product : nodes.add('BiasAdd', [product, bias], {}, undefined, shape);
  addActivation(nodes, layer, sum);
};

function depthwiseOf(layer: Layer): InnerTensor {
  const { strides, padding, dilationRate, dataFormat } = settingsOf(layer, CONVOLUTION_SETTINGS);
  const [kernel] = layer.weights;
  return ([input]) => {
    const x = dataFormat === 'channelsFirst' ? tf.transpose(input, [0, 2, 3, 1]) : input;
    return tf.depthwiseConv2d(
      x as tf.Tensor4D,
      kernel.read() as tf.Tensor4D,
      strides as [number, number],
      padding as 'same' | 'valid',
      'NHWC',
      dilationRate as [number, number],
    );
  };
}

/** A lookup of the rows of a table. */
export const expandEmbedding: LayerExpander = (nodes, layer) => {
  nodes.add('Gather', [nodes.weight(layer, 'embeddings') ?? '', nodes.inputAs('int32')]);
};

export const expandRescaling: LayerExpander = (nodes, layer) => {
  const { scale, offset } = layer.getConfig();
  const [factor, summand] = [Number(scale), Number(offset)];
  const product = nodes.add('Mul', [nodes.inputAs('float32'), nodes.constant('scale', [factor])], {}, ([x]) =>
    tf.mul(tf.cast(x, 'float32'), factor),
  );
  nodes.add('Add', [product, nodes.constant('offset', [summand])]);
};
