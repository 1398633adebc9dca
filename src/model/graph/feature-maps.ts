import type { Graph } from './graph.ts';

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose']);

/** Operations whose result has the shape of their first operand. */
export const ELEMENTWISE_OPS: ReadonlySet<string> = new Set([
  'BatchNormalization',
  'Celu',
  'Clip',
  'Dropout',
  'Elu',
  'Gelu',
  'HardSigmoid',
  'HardSwish',
  'Identity',
  'LeakyRelu',
  'Mish',
  'PRelu',
  'Relu',
  'Selu',
  'Sigmoid',
  'Softplus',
  'Softsign',
  'Tanh',
  'ThresholdedRelu',
]);

/** Operations of two operands; of two with the same axes the result has those as well. */
const BINARY_OPS: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul']);

/**
 * Tensors of an ONNX graph that certainly hold feature maps, `[batch, maps, ...]` with one axis more or several: results of convolutions,
 * also behind normalisations, activation functions and residual sums.
 */
export function findFeatureMaps({ nodes }: Graph): ReadonlySet<string> {
  const maps = new Set<string>();
  for (const { op, inputs, outputs } of nodes) {
    const isConvolution = CONVOLUTIONS.has(op);
    const keepsShape = ELEMENTWISE_OPS.has(op) && maps.has(inputs[0]);
    const joins = BINARY_OPS.has(op) && inputs.every((name) => maps.has(name));
    if (isConvolution || keepsShape || joins) maps.add(outputs[0]);
  }
  return maps;
}
