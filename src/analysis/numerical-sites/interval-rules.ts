import type { GraphNode } from '../../model/graph/graph.ts';
import { readNumber, type Tensor } from '../../tensor/tensor.ts';
import {
  ANY,
  add,
  type Interval,
  inverse,
  multiply,
  negated,
  ROUNDING,
  span,
  square,
  UNIT,
  union,
} from './interval.ts';
import { setting } from './site.ts';

/** What a rule works from. */
export interface Given {
  readonly node: GraphNode;
  /** Intervals of the inputs that are there. */
  readonly given: readonly Interval[];
  readonly at: (name: string) => Interval;
  readonly constant: (name: string) => Tensor | undefined;
  readonly isConstant: (name: string) => boolean;
}

/** The interval of what an operation gives; undefined where that can't be told. */
export type Rule = (given: Given) => Interval | undefined;

/** By how much runtimes' approximations of functions err at most where results are near zero or their ends. */
const SLACK = 2e-6;

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
  ): Rule =>
  ({ given: [x] }) => {
    const low = f(x.low) - slack;
    const high = f(x.high) + slack;
    return {
      low: Number.isNaN(low) ? least : Math.max(least, low),
      high: Number.isNaN(high) ? most : Math.min(most, high),
    };
  };

const within =
  (interval: Interval): Rule =>
  () =>
    interval;

/** The same numbers, moved about or some of them. */
const same: Rule = ({ given: [x] }) => x;
const all: Rule = ({ given }) => union(...given);
const withZero: Rule = ({ given: [x] }) => union(x, { low: 0, high: 0 });

/** Sums of unknown length keep their sign alone. */
function summed({ low, high }: Interval): Interval {
  return {
    low: low >= 0 ? low : Number.NEGATIVE_INFINITY,
    high: high <= 0 ? high : Number.POSITIVE_INFINITY,
  };
}

/** Whether an operation whose name stands for two things reduces a tensor: TensorFlow says along what, ONNX does not. */
function reduces({ attributes = {} }: GraphNode): boolean {
  return 'keep_dims' in attributes || 'Tidx' in attributes;
}

const sum: Rule = ({ given: [x] }) => summed(x);

const eitherSum: Rule = ({ node, given }) => (reduces(node) ? summed(given[0]) : given.reduce(add));

const greatest: Rule = ({ node, given }) =>
  reduces(node)
    ? given[0]
    : { low: Math.max(...given.map(({ low }) => low)), high: Math.max(...given.map(({ high }) => high)) };

const least: Rule = ({ node, given }) =>
  reduces(node)
    ? given[0]
    : { low: Math.min(...given.map(({ low }) => low)), high: Math.min(...given.map(({ high }) => high)) };

const product: Rule = ({ node, given: [a, b] }) =>
  node.inputs[0] === node.inputs[1] ? square(a) : multiply(a, b);

const quotient: Rule = ({ given: [a, b] }) =>
  b.low <= 0 && b.high >= 0 ? undefined : multiply(a, inverse(b));

/**
 * Sums of products with constant weights.
 *
 * @param lines how many sums there are
 * @param lineOf which of them a weight belongs to, by its place
 */
function weighted(x: Interval, weights: Tensor, lines: number, lineOf: (index: number) => number): Interval {
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
  return { low: sum.low - size * ROUNDING, high: sum.high + size * ROUNDING };
}

/** MatMul and Gemm with a constant on the right, `[..., K, N]`, or transposed. */
function matrixProduct({ node, given: [x], constant, isConstant }: Given): Interval | undefined {
  const name = node.inputs[1];
  const weights = isConstant(name) ? constant(name) : undefined;
  if (weights === undefined || weights.shape.length < 2) return undefined;
  const isTransposed = setting(node, 'transB') === 1 || setting(node, 'transpose_b') === 1;
  const [rows, columns] = weights.shape.slice(-2);
  const block = rows * columns;
  const each = isTransposed ? rows : columns;
  const lineOf = (i: number): number =>
    Math.floor(i / block) * each + (isTransposed ? Math.floor((i % block) / columns) : i % columns);
  return weighted(x, weights, (weights.data.length / block) * each, lineOf);
}

const gemm: Rule = (given) => {
  const { node, at } = given;
  const result = matrixProduct(given);
  if (result === undefined) return undefined;
  const alpha = setting(node, 'alpha') ?? 1;
  const beta = setting(node, 'beta') ?? 1;
  const scaled = multiply(result, { low: alpha, high: alpha });
  const bias = node.inputs[2];
  return bias === undefined || bias === ''
    ? scaled
    : add(scaled, multiply(at(bias), { low: beta, high: beta }));
};

/** Convolutions with constant kernels; padding brings zeros in. */
const convolution =
  (channelLast: boolean): Rule =>
  ({ node, given: [x], at, constant, isConstant }) => {
    const [, name, bias] = node.inputs;
    const kernel = isConstant(name) ? constant(name) : undefined;
    if (kernel === undefined) return undefined;
    const outputs = channelLast ? (kernel.shape.at(-1) ?? 1) : kernel.shape[0];
    const each = kernel.data.length / outputs;
    const result = weighted(union(x, { low: 0, high: 0 }), kernel, outputs, (i) =>
      channelLast ? i % outputs : Math.floor(i / each),
    );
    return bias === undefined || bias === '' ? result : add(result, at(bias));
  };

const batchNormalisation: Rule = ({ node, given: [x, scale, shift, mean, variance] }) => {
  if (variance === undefined) return undefined;
  const epsilon = setting(node, 'epsilon') ?? 1e-5;
  const deviation = {
    low: Math.sqrt(Math.max(0, variance.low + epsilon)),
    high: Math.sqrt(variance.high + epsilon),
  };
  if (!(deviation.low > 0)) return undefined;
  return add(multiply(multiply(add(x, negated(mean)), inverse(deviation)), scale), shift);
};

const clip: Rule = ({ node, given: [x], at }) => {
  const bound = (place: number, name: string, none: number): number => {
    const tensor = node.inputs[place];
    if (tensor === undefined || tensor === '') return setting(node, name) ?? none;
    return name === 'min' ? at(tensor).low : at(tensor).high;
  };
  const low = bound(1, 'min', Number.NEGATIVE_INFINITY);
  const high = bound(2, 'max', Number.POSITIVE_INFINITY);
  return { low: Math.min(high, Math.max(low, x.low)), high: Math.min(high, Math.max(low, x.high)) };
};

const power: Rule = ({ given: [x, p] }) => {
  if (p.low !== p.high) return undefined;
  const { low: exponent } = p;
  if (exponent === 2) return square(x);
  if (x.low > 0 || (x.low >= 0 && exponent > 0)) return span(x.low ** exponent, x.high ** exponent);
  if (exponent > 0 && exponent % 2 === 0)
    return { low: 0, high: Math.max(x.low ** exponent, x.high ** exponent) };
  return exponent > 0 && exponent % 2 === 1
    ? { low: x.low ** exponent, high: x.high ** exponent }
    : undefined;
};

const leaky =
  (slope: number): Rule =>
  ({ node, given: [x] }) => {
    const alpha = setting(node, 'alpha') ?? slope;
    const f = (value: number): number => (value < 0 ? alpha * value : value);
    return span(f(x.low), f(x.high), x.low <= 0 && x.high >= 0 ? 0 : f(x.low));
  };

const relu = increasing((x) => Math.max(0, x));
const from = (low: number): Rule => within({ low, high: Number.POSITIVE_INFINITY });

/** The tangent between two of its poles. */
const tangent: Rule = ({ given: [x] }) => {
  const branch = (angle: number): number => Math.floor(angle / Math.PI - 0.5);
  if (branch(x.low) !== branch(x.high) || x.high - x.low >= Math.PI) return undefined;
  return { low: Math.tan(x.low) - SLACK, high: Math.tan(x.high) + SLACK };
};

/** The logarithm of a sum of unknown length, which is above zero where all that is summed is. */
const logOfSum: Rule = ({ given: [x] }) =>
  x.low > 0 ? { low: Math.log(x.low) - SLACK, high: Number.POSITIVE_INFINITY } : undefined;

const magnitude: Rule = ({ given: [x] }) => ({
  low: x.low <= 0 && x.high >= 0 ? 0 : Math.min(Math.abs(x.low), Math.abs(x.high)),
  high: Math.max(-x.low, x.high),
});

const difference: Rule = ({ node, given: [a, b] }) =>
  node.inputs[0] === node.inputs[1] ? { low: 0, high: 0 } : add(a, negated(b));

/** What is known of operations of ONNX and TensorFlow, by their kinds. */
export const RULES: Readonly<Record<string, Rule>> = {
  ...named(
    same,
    'Identity Reshape Flatten Squeeze Unsqueeze ExpandDims Transpose Dropout Slice StridedSlice Gather',
  ),
  ...named(
    same,
    'GatherV2 GatherElements GatherND Expand Tile MaxPool GlobalMaxPool ReduceMax ReduceMin Split Cast',
  ),
  ...named(same, 'DepthToSpace SpaceToDepth ReduceMean GlobalAveragePool'),
  ...named(withZero, 'AveragePool AvgPool'),
  ...named(all, 'Concat ConcatV2 Mean'),
  ...named(
    within(UNIT),
    'Equal NotEqual Less LessOrEqual LessEqual Greater GreaterOrEqual GreaterEqual And Or Xor Not',
  ),
  ...named(within(UNIT), 'IsNaN IsInf Softmax'),
  ...named(within({ low: -1, high: 1 }), 'Sin Cos Sign'),
  ...named(within({ low: Number.NEGATIVE_INFINITY, high: 0 }), 'LogSoftmax'),
  ...named(from(0), 'ReduceL1 ReduceL2 ReduceSumSquare ArgMax ArgMin'),
  ...named(from(1), 'Cosh'),
  ...named(product, 'Mul'),
  ...named(quotient, 'Div RealDiv'),
  ...named(({ given: [a, b] }) => add(a, b), 'Add AddV2 BiasAdd'),
  ...named(difference, 'Sub'),
  ...named(({ given: [x] }) => negated(x), 'Neg'),
  ...named(({ given: [x] }) => square(x), 'Square'),
  ...named(({ given: [x] }) => inverse(x), 'Reciprocal Inv'),
  ...named(greatest, 'Max Maximum'),
  ...named(least, 'Min Minimum'),
  ...named(magnitude, 'Abs'),
  ...named(({ given: [, a, b] }) => (b === undefined ? undefined : union(a, b)), 'Where Select SelectV2'),
  ...named(sum, 'ReduceSum'),
  ...named(logOfSum, 'ReduceLogSum'),
  ...named(tangent, 'Tan'),
  ...named(eitherSum, 'Sum'),
  ...named(clip, 'Clip ClipByValue'),
  ...named(power, 'Pow'),
  ...named(matrixProduct, 'MatMul'),
  ...named(gemm, 'Gemm'),
  ...named(convolution(false), 'Conv'),
  ...named(convolution(true), 'Conv2D'),
  ...named(batchNormalisation, 'BatchNormalization FusedBatchNormV3'),
  ...named(leaky(0.01), 'LeakyRelu'),
  ...named(relu, 'Relu'),
  ...named(
    increasing((x) => Math.min(6, Math.max(0, x))),
    'Relu6',
  ),
  ...named(
    increasing((x) => Math.sqrt(Math.max(0, x)), 0),
    'Sqrt',
  ),
  // Runtimes give zero for what is below the smallest normal number.
  ...named(increasing(Math.exp, 0, Number.POSITIVE_INFINITY, 2 ** -120), 'Exp'),
  ...named(increasing(Math.expm1, -1, Number.POSITIVE_INFINITY, SLACK), 'Expm1'),
  ...named(increasing(Math.log, undefined, undefined, SLACK), 'Log'),
  ...named(increasing(Math.log1p, undefined, undefined, SLACK), 'Log1p'),
  ...named(
    increasing((x) => 1 / (1 + Math.exp(-x)), 0, 1, SLACK),
    'Sigmoid',
  ),
  ...named(increasing(Math.tanh, -1, 1, SLACK), 'Tanh'),
  ...named(
    increasing((x) => (x > 30 ? x : Math.log1p(Math.exp(x))), 0, undefined, SLACK),
    'Softplus',
  ),
  ...named(increasing(Math.floor), 'Floor'),
  ...named(increasing(Math.ceil), 'Ceil'),
  ...named(({ given: [x] }) => ({ low: Math.floor(x.low), high: Math.ceil(x.high) }), 'Round'),
  ...named(increasing(Math.atan, undefined, undefined, SLACK), 'Atan'),
};

/** Operations that round nothing: each number that they give is one that they were given, or its negative or whole part. */
export const EXACT: ReadonlySet<string> = new Set(
  [
    'Identity Reshape Flatten Squeeze Unsqueeze ExpandDims Transpose Dropout Slice StridedSlice Gather GatherV2',
    'GatherElements GatherND Expand Tile MaxPool GlobalMaxPool ReduceMax ReduceMin Split DepthToSpace SpaceToDepth',
    'Concat ConcatV2 Where Select SelectV2 Clip ClipByValue Relu Relu6 Max Maximum Min Minimum Neg Abs Floor Ceil Round',
  ].flatMap((names) => names.split(' ')),
);

function named(rule: Rule, names: string): Record<string, Rule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]));
}
