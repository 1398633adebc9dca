/** Activation functions of TensorFlow.js with values from −1 to 1. */
export const BOUNDED_ACTIVATIONS: ReadonlySet<string> = new Set([
  'tanh',
  'sigmoid',
  'hardSigmoid',
  'softsign',
  'softmax',
]);
