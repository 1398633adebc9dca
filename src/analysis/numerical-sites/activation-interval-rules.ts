import { enclose, type Interval, multiply, union } from './interval.ts';
import { APPROXIMATION_ERROR, forOps, type IntervalRule, increasing } from './interval-rule.ts';
import { numericAttribute } from './site.ts';

const leakyRelu =
  (slope: number): IntervalRule =>
  ({ node, inputIntervals: [x] }) => {
    const alpha = numericAttribute(node, 'alpha') ?? slope;
    const f = (value: number): number => (value < 0 ? alpha * value : value);
    return enclose(f(x.low), f(x.high), x.low <= 0 && x.high >= 0 ? 0 : f(x.low));
  };

/** An increasing function that an attribute scales below zero; undefined if it is not increasing. */
const exponentialBelowZero =
  (gamma: number, defaultAlpha: number): IntervalRule =>
  (input) => {
    const alpha = numericAttribute(input.node, 'alpha') ?? defaultAlpha;
    const scale = numericAttribute(input.node, 'gamma') ?? gamma;
    if (alpha < 0 || scale < 0) return undefined;
    const f = (x: number): number => scale * (x < 0 ? alpha * Math.expm1(x) : x);
    return increasing(f, -alpha * scale, undefined, APPROXIMATION_ERROR * scale * Math.max(1, alpha))(input);
  };

const hardSigmoid: IntervalRule = (input) => {
  const alpha = numericAttribute(input.node, 'alpha') ?? 0.2;
  const beta = numericAttribute(input.node, 'beta') ?? 0.5;
  if (alpha < 0) return undefined;
  return increasing((x) => alpha * x + beta, 0, 1, APPROXIMATION_ERROR)(input);
};

/**
 * Functions x · g(x) with a gate g between 0 and 1 that is at least ½ for positive x.
 *
 * @param min the function's least value, rounded down
 */
const selfGated =
  (min: number): IntervalRule =>
  ({ node, inputIntervals: [x] }) =>
    (numericAttribute(node, 'alpha') ?? 1) === 1
      ? { low: x.low >= 0 ? x.low / 2 : min, high: Math.max(0, x.high) }
      : undefined;

/** x above a threshold, else 0. */
const thresholdedRelu: IntervalRule = ({ inputIntervals: [x] }) => union(x, { low: 0, high: 0 });

/** x above zero, and times a slope below. */
const parametricRelu: IntervalRule = ({ inputIntervals: [x, slope] }) => {
  const positive: Interval = { low: Math.max(0, x.low), high: Math.max(0, x.high) };
  if (x.low >= 0) return positive;
  const negative = multiply({ low: x.low, high: Math.min(0, x.high) }, slope);
  return x.high < 0 ? negative : union(positive, negative);
};

/** Interval rules of activation functions. */
export const ACTIVATION_RULES: Readonly<Record<string, IntervalRule>> = {
  ...forOps(leakyRelu(0.01), 'LeakyRelu'),
  ...forOps(
    increasing((x) => Math.max(0, x)),
    'Relu',
  ),
  ...forOps(
    increasing((x) => Math.min(6, Math.max(0, x))),
    'Relu6',
  ),
  ...forOps(
    increasing((x) => 1 / (1 + Math.exp(-x)), 0, 1, APPROXIMATION_ERROR),
    'Sigmoid',
  ),
  ...forOps(increasing(Math.tanh, -1, 1, APPROXIMATION_ERROR), 'Tanh'),
  ...forOps(
    increasing((x) => (x > 30 ? x : Math.log1p(Math.exp(x))), 0, undefined, APPROXIMATION_ERROR),
    'Softplus',
  ),
  ...forOps(
    increasing((x) => x / (1 + Math.abs(x)), -1, 1, APPROXIMATION_ERROR),
    'Softsign',
  ),
  ...forOps(hardSigmoid, 'HardSigmoid'),
  ...forOps(exponentialBelowZero(1, 1), 'Elu'),
  // Klambauer et al., Self-Normalizing Neural Networks (2017), equation 14.
  ...forOps(exponentialBelowZero(1.0507009873554805, 1.6732632423543772), 'Selu'),
  ...forOps(selfGated(-0.171), 'Gelu'),
  ...forOps(selfGated(-0.279), 'Swish'),
  ...forOps(selfGated(-0.309), 'Mish'),
  ...forOps(thresholdedRelu, 'ThresholdedRelu'),
  ...forOps(parametricRelu, 'PRelu'),
};
