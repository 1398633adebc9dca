import { DTYPES, readNumber, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import {
  ANY,
  add,
  type Interval,
  invert,
  multiply,
  negate,
  smallestNormal,
  sumError,
  union,
} from './interval.ts';
import type { IntervalRule, RuleInput } from './interval-rule.ts';
import { numericAttribute } from './site.ts';

/**
 * The interval of weighted sums with constant weights.
 *
 * @param x interval of the values that are weighted
 * @param sums how many there are
 * @param sumOf index of the sum that a weight belongs to, by the weight's index
 */
function weightedSum(x: Interval, weights: Tensor, sums: number, sumOf: (index: number) => number): Interval {
  if (!Number.isFinite(x.low) || !Number.isFinite(x.high)) return ANY;
  const lows = new Float64Array(sums);
  const highs = new Float64Array(sums);
  const magnitudes = new Float64Array(sums);
  const { type, data } = weights;
  let largest = 0;
  // Runs for each of perhaps a hundred million weights: no allocation.
  for (let i = 0; i < data.length; i++) {
    const weight = type === 'float32' ? (data[i] as number) : readNumber(type, data, i);
    const sum = sumOf(i);
    const atLow = weight * x.low;
    const atHigh = weight * x.high;
    lows[sum] += Math.min(atLow, atHigh);
    highs[sum] += Math.max(atLow, atHigh);
    magnitudes[sum] += Math.max(Math.abs(atLow), Math.abs(atHigh));
    largest = Math.max(largest, Math.abs(weight));
  }
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let magnitude = 0;
  for (let sum = 0; sum < sums; sum++) {
    low = Math.min(low, lows[sum]);
    high = Math.max(high, highs[sum]);
    magnitude = Math.max(magnitude, magnitudes[sum]);
  }
  // Partial sums may overflow although the sum would not.
  if (magnitude > DTYPES[type].max) return ANY;
  const terms = data.length / sums;
  // Weights, values and products below the smallest normal number may be flushed to zero.
  const flushing = terms * smallestNormal(type) * (1 + largest + Math.max(Math.abs(x.low), Math.abs(x.high)));
  // Rounding errors are relative to the terms, which may cancel.
  const slack = magnitude * sumError(terms, type) + flushing;
  return { low: low - slack, high: high + slack };
}

/** MatMul and Gemm with a constant right operand, `[..., K, N]` or transposed. */
export function matrixProduct({
  node,
  inputIntervals: [x],
  constant,
  isConstant,
}: RuleInput): Interval | undefined {
  const name = node.inputs[1];
  const weights = isConstant(name) ? constant(name) : undefined;
  if (weights === undefined || weights.shape.length < 2) return undefined;
  const isTransposed = numericAttribute(node, 'transB') === 1 || numericAttribute(node, 'transpose_b') === 1;
  const [rows, columns] = weights.shape.slice(-2);
  const block = rows * columns;
  const sumsPerBlock = isTransposed ? rows : columns;
  const sumOf = (i: number): number =>
    Math.floor(i / block) * sumsPerBlock + (isTransposed ? Math.floor((i % block) / columns) : i % columns);
  return weightedSum(x, weights, (weights.data.length / block) * sumsPerBlock, sumOf);
}

export const gemm: IntervalRule = (input) => {
  const { node, intervalOf } = input;
  const result = matrixProduct(input);
  if (result === undefined) return undefined;
  const alpha = numericAttribute(node, 'alpha') ?? 1;
  const beta = numericAttribute(node, 'beta') ?? 1;
  const scaled = multiply(result, { low: alpha, high: alpha });
  const bias = node.inputs[2];
  return bias === undefined || bias === ''
    ? scaled
    : add(scaled, multiply(intervalOf(bias), { low: beta, high: beta }));
};

/**
 * Convolutions with constant kernels; padding adds zeros.
 *
 * @param outputsOf number of output channels, by the kernel's shape
 * @param channelOf output channel that a weight belongs to, by its index
 */
const convolutionBy =
  (
    outputsOf: (shape: readonly number[]) => number,
    channelOf: (index: number, kernel: Tensor, outputs: number) => number,
  ): IntervalRule =>
  ({ node, inputIntervals: [x], intervalOf, constant, isConstant }) => {
    const [, name, bias] = node.inputs;
    const kernel = isConstant(name) ? constant(name) : undefined;
    if (kernel === undefined) return undefined;
    const outputs = outputsOf(kernel.shape);
    const padded = union(x, { low: 0, high: 0 });
    const result = weightedSum(padded, kernel, outputs, (i) => channelOf(i, kernel, outputs));
    return bias === undefined || bias === '' ? result : add(result, intervalOf(bias));
  };

/** ONNX has kernels of `[outputs, inputs, ...]`, TensorFlow of `[..., inputs, outputs]`. */
export const convolution = (channelLast: boolean): IntervalRule =>
  channelLast
    ? convolutionBy(
        (shape) => shape.at(-1) ?? 1,
        (i, _, outputs) => i % outputs,
      )
    : convolutionBy(
        ([outputs]) => outputs,
        (i, { data }, outputs) => Math.floor(i / (data.length / outputs)),
      );

/** TensorFlow's kernels of `[..., inputs, multiplier]`, which sum within each input channel. */
export const depthwiseConvolution: IntervalRule = convolutionBy(
  (shape) => sizeOf(shape.slice(-2)),
  (i, _, outputs) => i % outputs,
);

/** Keras's kernels of `[..., outputs, inputs]`; each result is a sum of some of the terms. */
export const transposedConvolution: IntervalRule = convolutionBy(
  (shape) => shape.at(-2) ?? 1,
  (i, { shape }, outputs) => Math.floor(i / (shape.at(-1) ?? 1)) % outputs,
);

export const batchNormalisation: IntervalRule = ({
  node,
  inputIntervals: [x, scale, shift, mean, variance],
}) => {
  if (variance === undefined) return undefined;
  const epsilon = numericAttribute(node, 'epsilon') ?? 1e-5;
  const deviation = {
    low: Math.sqrt(Math.max(0, variance.low + epsilon)),
    high: Math.sqrt(variance.high + epsilon),
  };
  if (!(deviation.low > 0)) return undefined;
  const centred = add(x, negate(mean));
  const { low, high } = add(multiply(multiply(centred, invert(deviation)), scale), shift);
  // The factor may be so small that it is rounded, or flushed to zero.
  const slack = smallestNormal('float32') * Math.max(Math.abs(centred.low), Math.abs(centred.high));
  return { low: low - slack, high: high + slack };
};

/** Magnitude of deviations above which their squares overflow, with room for partial sums. */
const MOST_DEVIATION = 4e19;

/**
 * What is divided by the root of its mean square and epsilon: beyond a bound the squares overflow, and the quotient is 0 or NaN.
 * Below it their mean may cancel with the square of the mean, so that epsilon alone is left.
 */
export const normalisation: IntervalRule = ({ node, intervalOf, constant }) => {
  const epsilon = numericAttribute(node, 'epsilon') ?? 1e-5;
  const operands = node.op === 'SkipLayerNormalization' ? node.inputs.slice(1) : node.inputs;
  const [, scale = '', shift = ''] = operands;
  const magnitudeOf = (name: string, otherwise: number): number => {
    if (name === '' || constant(name)?.type === 'float16')
      return name === '' ? otherwise : Number.POSITIVE_INFINITY;
    const { low, high } = intervalOf(name);
    return Math.max(Math.abs(low), Math.abs(high));
  };
  const most = (MOST_DEVIATION / Math.sqrt(epsilon)) * magnitudeOf(scale, 1) + magnitudeOf(shift, 0);
  return epsilon >= 1e-30 && Number.isFinite(most) ? { low: -most, high: most } : undefined;
};
