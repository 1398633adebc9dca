import { BOUNDED_ACTIVATIONS } from './bounded-activations.ts';
import type { IntervalRule } from './interval-rule.ts';

/** Activation functions of gates with values from 0 to 1. */
const GATES: ReadonlySet<unknown> = new Set(['sigmoid', 'hardSigmoid', 'softmax']);

/** Bound on the output of a bounded layer; more than 1 for the errors of many steps. */
const BOUND = { low: -1.01, high: 1.01 };

const isBounded = (activation: unknown): boolean => BOUNDED_ACTIVATIONS.has(String(activation));

/**
 * Recurrent layers of TensorFlow.js, whose activation functions are attributes: an LSTM's output is a gate times a bounded
 * function; a GRU's is a mean of the state before and a bounded function, if no state comes from elsewhere.
 */
export const RECURRENT_RULES: Readonly<Record<string, IntervalRule>> = {
  SimpleRNN: ({ node: { attributes = {} } }) => (isBounded(attributes.activation) ? BOUND : undefined),
  LSTM: ({ node: { attributes = {} } }) =>
    isBounded(attributes.activation) && GATES.has(attributes.recurrentActivation) ? BOUND : undefined,
  GRU: ({ node: { attributes = {}, inputs } }) =>
    isBounded(attributes.activation) && GATES.has(attributes.recurrentActivation) && inputs.length <= 4
      ? BOUND
      : undefined,
};
