import type { GraphNode } from '../../model/graph/graph.ts';
import { readNumber, type Tensor } from '../../tensor/tensor.ts';
import {
  ANY,
  add,
  enclose,
  type Interval,
  invert,
  multiply,
  negate,
  ROUNDING_ERROR,
  square,
  UNIT_INTERVAL,
  union,
} from './interval.ts';
import { numericAttribute } from './site.ts';

/** What a rule works from. */
export interface RuleInput {
  readonly node: GraphNode;
  /** Intervals of the inputs that are there. */
  readonly inputIntervals: readonly Interval[];
  readonly intervalOf: (name: string) => Interval;
  readonly constant: (name: string) => Tensor | undefined;
  readonly isConstant: (name: string) => boolean;
}

/** The interval of what an operation gives; undefined where that can't be told. */
export type IntervalRule = (given: RuleInput) => Interval | undefined;

/** By how much runtimes' approximations of functions err at most where results are near zero or their ends. */
const APPROXIMATION_ERROR = 2e-6;

/**
 * An increasing function within bounds of its own.
 *
 * @param slack what an approximation may err by
 */
const increasing =
  (
    f: (x: number) => number,
    least = Number.NEGATIVE_INFINITY,
    most = Number.POSITIVE_INFINITY,
    slack = 0,
  ): IntervalRule =>
  ({ inputIntervals: [x] }) => {
    const low = f(x.low) - slack;
    const high = f(x.high) + slack;
    return {
      low: Number.isNaN(low) ? least : Math.max(least, low),
      high: Number.isNaN(high) ? most : Math.min(most, high),
    };
  };

const constantInterval =
  (interval: Interval): IntervalRule =>
  () =>
    interval;

/** The same numbers, moved about or some of them. */
const passThrough: IntervalRule = ({ inputIntervals: [x] }) => x;
const unionOfInputs: IntervalRule = ({ inputIntervals }) => union(...inputIntervals);
const unionWithZero: IntervalRule = ({ inputIntervals: [x] }) => union(x, { low: 0, high: 0 });

/** Sums of unknown length keep their sign alone. */
function unboundedSum({ low, high }: Interval): Interval {
  return {
    low: low >= 0 ? low : Number.NEGATIVE_INFINITY,
    high: high <= 0 ? high : Number.POSITIVE_INFINITY,
  };
}

/** Whether an operation whose name stands for two things reduces a tensor: TensorFlow says along what, ONNX does not. */
function isReduction({ attributes = {} }: GraphNode): boolean {
  return 'keep_dims' in attributes || 'Tidx' in attributes;
}

const reduceSum: IntervalRule = ({ inputIntervals: [x] }) => unboundedSum(x);

const sumOrReduceSum: IntervalRule = ({ node, inputIntervals }) =>
  isReduction(node) ? unboundedSum(inputIntervals[0]) : inputIntervals.reduce(add);

const maximum: IntervalRule = ({ node, inputIntervals }) =>
  isReduction(node)
    ? inputIntervals[0]
    : {
        low: Math.max(...inputIntervals.map(({ low }) => low)),
        high: Math.max(...inputIntervals.map(({ high }) => high)),
      };

const minimum: IntervalRule = ({ node, inputIntervals }) =>
  isReduction(node)
    ? inputIntervals[0]
    : {
        low: Math.min(...inputIntervals.map(({ low }) => low)),
        high: Math.min(...inputIntervals.map(({ high }) => high)),
      };

const product: IntervalRule = ({ node, inputIntervals: [a, b] }) =>
  node.inputs[0] === node.inputs[1] ? square(a) : multiply(a, b);

const quotient: IntervalRule = ({ inputIntervals: [a, b] }) =>
  b.low <= 0 && b.high >= 0 ? undefined : multiply(a, invert(b));

/**
 * Sums of products with constant weights.
 *
 * @param lines how many sums there are
 * @param lineOf which of them a weight belongs to, by its place
 */
function weightedSum(
  x: Interval,
  weights: Tensor,
  lines: number,
  lineOf: (index: number) => number,
): Interval {
  if (!Number.isFinite(x.low) || !Number.isFinite(x.high)) return ANY;
  const lows = new Float64Array(lines);
  const highs = new Float64Array(lines);
  const sizes = new Float64Array(lines);
  const { type, data } = weights;
  // Once for each of perhaps a hundred million weights: nothing is allocated.
  for (let i = 0; i < data.length; i++) {
    const weight = type === 'float32' ? (data[i] as number) : readNumber(type, data, i);
    const line = lineOf(i);
    const one = weight * x.low;
    const other = weight * x.high;
    lows[line] += Math.min(one, other);
    highs[line] += Math.max(one, other);
    sizes[line] += Math.max(Math.abs(one), Math.abs(other));
  }
  const sum = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  let size = 0;
  for (let line = 0; line < lines; line++) {
    sum.low = Math.min(sum.low, lows[line]);
    sum.high = Math.max(sum.high, highs[line]);
    size = Math.max(size, sizes[line]);
  }
  // Rounding is relative to what is summed, which may cancel.
  return { low: sum.low - size * ROUNDING_ERROR, high: sum.high + size * ROUNDING_ERROR };
}

/** MatMul and Gemm with a constant on the right, `[..., K, N]`, or transposed. */
function matrixProduct({ node, inputIntervals: [x], constant, isConstant }: RuleInput): Interval | undefined {
  const name = node.inputs[1];
  const weights = isConstant(name) ? constant(name) : undefined;
  if (weights === undefined || weights.shape.length < 2) return undefined;
  const isTransposed = numericAttribute(node, 'transB') === 1 || numericAttribute(node, 'transpose_b') === 1;
  const [rows, columns] = weights.shape.slice(-2);
  const block = rows * columns;
  const each = isTransposed ? rows : columns;
  const lineOf = (i: number): number =>
    Math.floor(i / block) * each + (isTransposed ? Math.floor((i % block) / columns) : i % columns);
  return weightedSum(x, weights, (weights.data.length / block) * each, lineOf);
}

const gemm: IntervalRule = (given) => {
  const { node, intervalOf } = given;
  const result = matrixProduct(given);
  if (result === undefined) return undefined;
  const alpha = numericAttribute(node, 'alpha') ?? 1;
  const beta = numericAttribute(node, 'beta') ?? 1;
  const scaled = multiply(result, { low: alpha, high: alpha });
  const bias = node.inputs[2];
  return bias === undefined || bias === ''
    ? scaled
    : add(scaled, multiply(intervalOf(bias), { low: beta, high: beta }));
};

/** Convolutions with constant kernels; padding brings zeros in. */
const convolution =
  (channelLast: boolean): IntervalRule =>
  ({ node, inputIntervals: [x], intervalOf, constant, isConstant }) => {
    const [, name, bias] = node.inputs;
    const kernel = isConstant(name) ? constant(name) : undefined;
    if (kernel === undefined) return undefined;
    const outputs = channelLast ? (kernel.shape.at(-1) ?? 1) : kernel.shape[0];
    const each = kernel.data.length / outputs;
    const result = weightedSum(union(x, { low: 0, high: 0 }), kernel, outputs, (i) =>
      channelLast ? i % outputs : Math.floor(i / each),
    );
    return bias === undefined || bias === '' ? result : add(result, intervalOf(bias));
  };

const batchNormalisation: IntervalRule = ({ node, inputIntervals: [x, scale, shift, mean, variance] }) => {
  if (variance === undefined) return undefined;
  const epsilon = numericAttribute(node, 'epsilon') ?? 1e-5;
  const deviation = {
    low: Math.sqrt(Math.max(0, variance.low + epsilon)),
    high: Math.sqrt(variance.high + epsilon),
  };
  if (!(deviation.low > 0)) return undefined;
  return add(multiply(multiply(add(x, negate(mean)), invert(deviation)), scale), shift);
};

const clip: IntervalRule = ({ node, inputIntervals: [x], intervalOf }) => {
  const bound = (place: number, name: string, none: number): number => {
    const tensor = node.inputs[place];
    if (tensor === undefined || tensor === '') return numericAttribute(node, name) ?? none;
    return name === 'min' ? intervalOf(tensor).low : intervalOf(tensor).high;
  };
  const low = bound(1, 'min', Number.NEGATIVE_INFINITY);
  const high = bound(2, 'max', Number.POSITIVE_INFINITY);
  return { low: Math.min(high, Math.max(low, x.low)), high: Math.min(high, Math.max(low, x.high)) };
};

const power: IntervalRule = ({ inputIntervals: [x, p] }) => {
  if (p.low !== p.high) return undefined;
  const { low: exponent } = p;
  if (exponent === 2) return square(x);
  if (x.low > 0 || (x.low >= 0 && exponent > 0)) return enclose(x.low ** exponent, x.high ** exponent);
  if (exponent > 0 && exponent % 2 === 0)
    return { low: 0, high: Math.max(x.low ** exponent, x.high ** exponent) };
  return exponent > 0 && exponent % 2 === 1
    ? { low: x.low ** exponent, high: x.high ** exponent }
    : undefined;
};

const leakyRelu =
  (slope: number): IntervalRule =>
  ({ node, inputIntervals: [x] }) => {
    const alpha = numericAttribute(node, 'alpha') ?? slope;
    const f = (value: number): number => (value < 0 ? alpha * value : value);
    return enclose(f(x.low), f(x.high), x.low <= 0 && x.high >= 0 ? 0 : f(x.low));
  };

const relu = increasing((x) => Math.max(0, x));
const atLeast = (low: number): IntervalRule => constantInterval({ low, high: Number.POSITIVE_INFINITY });

/** The tangent between two of its poles. */
const tangent: IntervalRule = ({ inputIntervals: [x] }) => {
  const branch = (angle: number): number => Math.floor(angle / Math.PI - 0.5);
  if (branch(x.low) !== branch(x.high) || x.high - x.low >= Math.PI) return undefined;
  return { low: Math.tan(x.low) - APPROXIMATION_ERROR, high: Math.tan(x.high) + APPROXIMATION_ERROR };
};

/** The logarithm of a sum of unknown length, which is above zero where all that is summed is. */
const logOfSum: IntervalRule = ({ inputIntervals: [x] }) =>
  x.low > 0 ? { low: Math.log(x.low) - APPROXIMATION_ERROR, high: Number.POSITIVE_INFINITY } : undefined;

const magnitude: IntervalRule = ({ inputIntervals: [x] }) => ({
  low: x.low <= 0 && x.high >= 0 ? 0 : Math.min(Math.abs(x.low), Math.abs(x.high)),
  high: Math.max(-x.low, x.high),
});

const difference: IntervalRule = ({ node, inputIntervals: [a, b] }) =>
  node.inputs[0] === node.inputs[1] ? { low: 0, high: 0 } : add(a, negate(b));

/** What is known of operations of ONNX and TensorFlow, by their kinds. */
export const INTERVAL_RULES: Readonly<Record<string, IntervalRule>> = {
  ...forOps(
    passThrough,
    'Identity Reshape Flatten Squeeze Unsqueeze ExpandDims Transpose Dropout Slice StridedSlice Gather',
  ),
  ...forOps(
    passThrough,
    'GatherV2 GatherElements GatherND Expand Tile MaxPool GlobalMaxPool ReduceMax ReduceMin Split Cast',
  ),
  ...forOps(passThrough, 'DepthToSpace SpaceToDepth ReduceMean GlobalAveragePool'),
  ...forOps(unionWithZero, 'AveragePool AvgPool'),
  ...forOps(unionOfInputs, 'Concat ConcatV2 Mean'),
  ...forOps(
    constantInterval(UNIT_INTERVAL),
    'Equal NotEqual Less LessOrEqual LessEqual Greater GreaterOrEqual GreaterEqual And Or Xor Not',
  ),
  ...forOps(constantInterval(UNIT_INTERVAL), 'IsNaN IsInf Softmax'),
  ...forOps(constantInterval({ low: -1, high: 1 }), 'Sin Cos Sign'),
  ...forOps(constantInterval({ low: Number.NEGATIVE_INFINITY, high: 0 }), 'LogSoftmax'),
  ...forOps(atLeast(0), 'ReduceL1 ReduceL2 ReduceSumSquare ArgMax ArgMin'),
  ...forOps(atLeast(1), 'Cosh'),
  ...forOps(product, 'Mul'),
  ...forOps(quotient, 'Div RealDiv'),
  ...forOps(({ inputIntervals: [a, b] }) => add(a, b), 'Add AddV2 BiasAdd'),
  ...forOps(difference, 'Sub'),
  ...forOps(({ inputIntervals: [x] }) => negate(x), 'Neg'),
  ...forOps(({ inputIntervals: [x] }) => square(x), 'Square'),
  ...forOps(({ inputIntervals: [x] }) => invert(x), 'Reciprocal Inv'),
  ...forOps(maximum, 'Max Maximum'),
  ...forOps(minimum, 'Min Minimum'),
  ...forOps(magnitude, 'Abs'),
  ...forOps(
    ({ inputIntervals: [, a, b] }) => (b === undefined ? undefined : union(a, b)),
    'Where Select SelectV2',
  ),
  ...forOps(reduceSum, 'ReduceSum'),
  ...forOps(logOfSum, 'ReduceLogSum'),
  ...forOps(tangent, 'Tan'),
  ...forOps(sumOrReduceSum, 'Sum'),
  ...forOps(clip, 'Clip ClipByValue'),
  ...forOps(power, 'Pow'),
  ...forOps(matrixProduct, 'MatMul'),
  ...forOps(gemm, 'Gemm'),
  ...forOps(convolution(false), 'Conv'),
  ...forOps(convolution(true), 'Conv2D'),
  ...forOps(batchNormalisation, 'BatchNormalization FusedBatchNormV3'),
  ...forOps(leakyRelu(0.01), 'LeakyRelu'),
  ...forOps(relu, 'Relu'),
  ...forOps(
    increasing((x) => Math.min(6, Math.max(0, x))),
    'Relu6',
  ),
  ...forOps(
    increasing((x) => Math.sqrt(Math.max(0, x)), 0),
    'Sqrt',
  ),
  // Runtimes give zero for what is below the smallest normal number.
  ...forOps(increasing(Math.exp, 0, Number.POSITIVE_INFINITY, 2 ** -120), 'Exp'),
  ...forOps(increasing(Math.expm1, -1, Number.POSITIVE_INFINITY, APPROXIMATION_ERROR), 'Expm1'),
  ...forOps(increasing(Math.log, undefined, undefined, APPROXIMATION_ERROR), 'Log'),
  ...forOps(increasing(Math.log1p, undefined, undefined, APPROXIMATION_ERROR), 'Log1p'),
  ...forOps(
    increasing((x) => 1 / (1 + Math.exp(-x)), 0, 1, APPROXIMATION_ERROR),
    'Sigmoid',
  ),
  ...forOps(increasing(Math.tanh, -1, 1, APPROXIMATION_ERROR), 'Tanh'),
  ...forOps(
    increasing((x) => (x > 30 ? x : Math.log1p(Math.exp(x))), 0, undefined, APPROXIMATION_ERROR),
    'Softplus',
  ),
  ...forOps(increasing(Math.floor), 'Floor'),
  ...forOps(increasing(Math.ceil), 'Ceil'),
  ...forOps(({ inputIntervals: [x] }) => ({ low: Math.floor(x.low), high: Math.ceil(x.high) }), 'Round'),
  ...forOps(increasing(Math.atan, undefined, undefined, APPROXIMATION_ERROR), 'Atan'),
};

/** Operations that round nothing: each number that they give is one that they were given, or its negative or whole part. */
export const EXACT_OPS: ReadonlySet<string> = new Set(
  [
    'Identity Reshape Flatten Squeeze Unsqueeze ExpandDims Transpose Dropout Slice StridedSlice Gather GatherV2',
    'GatherElements GatherND Expand Tile MaxPool GlobalMaxPool ReduceMax ReduceMin Split DepthToSpace SpaceToDepth',
    'Concat ConcatV2 Where Select SelectV2 Clip ClipByValue Relu Relu6 Max Maximum Min Minimum Neg Abs Floor Ceil Round',
  ].flatMap((names) => names.split(' ')),
);

function forOps(rule: IntervalRule, names: string): Record<string, IntervalRule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]));
}
