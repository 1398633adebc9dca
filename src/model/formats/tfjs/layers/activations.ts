import type * as tf from '@tensorflow/tfjs-core';
import type { AttributeValue } from '../../../graph/graph.ts';
import type { Layer } from './layer-call.ts';
import type { InnerTensor, LayerExpander, LayerNodes } from './layer-nodes.ts';

/** An activation function of TensorFlow.js. */
export interface ActivationFunction {
  getClassName(): string;
  apply(tensor: tf.Tensor): tf.Tensor;
}

/** A layer with an activation function, or with a bias; TensorFlow.js declares neither as public. */
type LayerSettings = { activation?: ActivationFunction; bias?: unknown; useBias?: unknown };

/** Operation and attributes of each activation function; `linear` has none. */
const ACTIVATION_OPS: Readonly<
  Record<string, readonly [op: string, attributes?: Readonly<Record<string, AttributeValue>>]>
> = {
  relu: ['Relu'],
  relu6: ['Relu6'],
  elu: ['Elu', { alpha: 1 }],
  selu: ['Selu'],
  sigmoid: ['Sigmoid'],
  hardSigmoid: ['HardSigmoid', { alpha: 0.2, beta: 0.5 }],
  softplus: ['Softplus'],
  softsign: ['Softsign'],
  tanh: ['Tanh'],
  softmax: ['Softmax', { axis: -1 }],
  logSoftmax: ['LogSoftmax', { axis: -1 }],
  gelu: ['Gelu'],
  mish: ['Mish'],
  swish: ['Swish', { alpha: 1 }],
};

/** Activation functions that TensorFlow.js computes within the product before them (mapActivationToFusedKernel). */
const FUSED_ACTIVATIONS: ReadonlySet<string> = new Set(['relu', 'linear', 'elu']);

/** The activation function of a layer; undefined if it has none. */
export function activationOf(layer: Layer): ActivationFunction | undefined {
  return (layer as LayerSettings).activation ?? undefined;
}

/** Adds the node of a layer's activation function, if that does anything. */
export function addActivation(nodes: LayerNodes, layer: Layer, tensor: string): void {
  const name = activationOf(layer)?.getClassName() ?? 'linear';
  if (name === 'linear') return;
  const [op, attributes] = ACTIVATION_OPS[name] ?? [name];
  nodes.add(op, [tensor], attributes);
}

/** What a layer computes without its activation function, by the kernels that it takes with it. */
export function withoutActivation(nodes: LayerNodes, layer: Layer): InnerTensor {
  return applyWith(nodes, layer, (activation) => ({ activation: identityLike(activation) }));
}

/** What a layer computes with neither bias nor activation function. */
export function withoutBias(nodes: LayerNodes, layer: Layer): InnerTensor {
  return applyWith(nodes, layer, (activation) => ({
    activation: identityLike(activation),
    bias: null,
    useBias: false,
  }));
}

/** The identity, which is fused into the product before it if the activation function is. */
function identityLike(activation: ActivationFunction): ActivationFunction {
  const name = FUSED_ACTIVATIONS.has(activation.getClassName()) ? 'linear' : 'identity';
  return { getClassName: () => name, apply: (tensor) => tensor };
}

/** Applies the call's layer while another layer, itself or the one that it wraps, has other settings. */
function applyWith(
  { call }: LayerNodes,
  layer: Layer,
  change: (activation: ActivationFunction) => LayerSettings,
): InnerTensor {
  const settings = layer as LayerSettings;
  return (inputs, kwargs) => {
    const { activation, bias, useBias } = settings;
    if (activation === undefined) throw new Error(`${layer.name} has no activation function`);
    Object.assign(settings, change(activation));
    try {
      return call.layer.apply(inputs, kwargs) as tf.Tensor;
    } finally {
      Object.assign(settings, { activation, bias, useBias });
    }
  };
}

export const expandActivation: LayerExpander = (nodes, layer) => addActivation(nodes, layer, nodes.input);

export const expandRelu: LayerExpander = (nodes, layer) => {
  const { maxValue } = layer.getConfig();
  // The runtime clips to the nearest number of single precision.
  if (typeof maxValue === 'number') nodes.add('Clip', [nodes.input], { min: 0, max: Math.fround(maxValue) });
  else nodes.add('Relu', [nodes.input]);
};

export const expandPRelu: LayerExpander = (nodes, layer) => {
  nodes.add('PRelu', [nodes.input, nodes.weight(layer, 'alpha') ?? '']);
};

/** A layer that is one operation with a number of its settings. */
export const expandAs =
  (op: string, setting: string, attribute = 'alpha'): LayerExpander =>
  (nodes, layer) => {
    const value = layer.getConfig()[setting];
    nodes.add(op, [nodes.input], typeof value === 'number' ? { [attribute]: value } : {});
  };

export const expandSoftmax: LayerExpander = (nodes, layer) => {
  const { axis } = layer.getConfig();
  const first = Array.isArray(axis) ? axis[0] : axis;
  nodes.add('Softmax', [nodes.input], { axis: nodes.axis(Number(first)) });
};
