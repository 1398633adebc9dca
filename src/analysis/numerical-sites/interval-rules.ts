import { DTYPES } from '../../tensor/tensor.ts';
import { ACTIVATION_RULES } from './activation-interval-rules.ts';
import { COMBINING_RULES } from './combining-interval-rules.ts';
import {
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
import { APPROXIMATION_ERROR, forOps, type IntervalRule, increasing } from './interval-rule.ts';
import {
  batchNormalisation,
  convolution,
  depthwiseConvolution,
  gemm,
  matrixProduct,
  normalisation,
  transposedConvolution,
} from './linear-interval-rules.ts';
import { RECURRENT_RULES } from './recurrent-interval-rules.ts';
import { numericAttribute } from './site.ts';

const constantInterval =
  (interval: Interval): IntervalRule =>
  () =>
    interval;

/** The result's values are values of the first input. */
const passThrough: IntervalRule = ({ inputIntervals: [x] }) => x;
const unionOfInputs: IntervalRule = ({ inputIntervals }) => union(...inputIntervals);
const unionWithZero: IntervalRule = ({ inputIntervals: [x] }) => union(x, { low: 0, high: 0 });

/** Values between others; rounding errors are relative to the largest. */
const interpolation: IntervalRule = ({ inputIntervals: [x] }) => {
  const slack = Math.max(Math.abs(x.low), Math.abs(x.high)) * ROUNDING_ERROR;
  return { low: x.low - slack, high: x.high + slack };
};

/** Padding with zeros, or with a number that is an operand or an attribute. */
const padding: IntervalRule = ({ node, inputIntervals: [x], intervalOf }) => {
  const number = numericAttribute(node, 'value') ?? 0;
  const tensor = node.inputs[2] ?? '';
  return union(x, tensor === '' ? { low: number, high: number } : intervalOf(tensor));
};

const quotient: IntervalRule = ({ inputIntervals: [a, b] }) =>
  b.low <= 0 && b.high >= 0 ? undefined : multiply(a, invert(b));

const clip: IntervalRule = ({ node, inputIntervals: [x], intervalOf }) => {
  const bound = (index: number, name: 'min' | 'max', unbounded: number): number => {
    const tensor = node.inputs[index];
    if (tensor === undefined || tensor === '') return numericAttribute(node, name) ?? unbounded;
    return name === 'min' ? intervalOf(tensor).low : intervalOf(tensor).high;
  };
  const low = bound(1, 'min', Number.NEGATIVE_INFINITY);
  const high = bound(2, 'max', Number.POSITIVE_INFINITY);
  // Without a bound runtimes clip infinities to the largest number.
  return {
    low: Math.min(high, DTYPES.float32.max, Math.max(low, x.low)),
    high: Math.min(high, Math.max(low, -DTYPES.float32.max, x.high)),
  };
};

const power: IntervalRule = ({ inputIntervals: [x, p] }) => {
  if (p.low !== p.high) {
    // The exponent p · ln x is extreme at the ends of both.
    const corners = [x.low ** p.low, x.low ** p.high, x.high ** p.low, x.high ** p.high];
    return x.low > 0 ? enclose(...corners) : undefined;
  }
  const { low: exponent } = p;
  if (exponent === 2) return square(x);
  if (x.low > 0 || (x.low >= 0 && exponent > 0)) return enclose(x.low ** exponent, x.high ** exponent);
  if (x.high < 0 && Number.isInteger(exponent)) return enclose(x.low ** exponent, x.high ** exponent);
  if (exponent > 0 && exponent % 2 === 0)
    return { low: 0, high: Math.max(x.low ** exponent, x.high ** exponent) };
  return exponent > 0 && exponent % 2 === 1
    ? { low: x.low ** exponent, high: x.high ** exponent }
    : undefined;
};

const atLeast = (low: number): IntervalRule => constantInterval({ low, high: Number.POSITIVE_INFINITY });

/** The tangent between two of its poles. */
const tangent: IntervalRule = ({ inputIntervals: [x] }) => {
  const branch = (angle: number): number => Math.floor(angle / Math.PI - 0.5);
  if (branch(x.low) !== branch(x.high) || x.high - x.low >= Math.PI) return undefined;
  return { low: Math.tan(x.low) - APPROXIMATION_ERROR, high: Math.tan(x.high) + APPROXIMATION_ERROR };
};

const magnitude: IntervalRule = ({ inputIntervals: [x] }) => ({
  low: x.low <= 0 && x.high >= 0 ? 0 : Math.min(Math.abs(x.low), Math.abs(x.high)),
  high: Math.max(-x.low, x.high),
});

const difference: IntervalRule = ({ node, inputIntervals: [a, b] }) =>
  node.inputs[0] === node.inputs[1] ? { low: 0, high: 0 } : add(a, negate(b));

/** Interval rules of ONNX and TensorFlow operators, by operator type. */
export const INTERVAL_RULES: Readonly<Record<string, IntervalRule>> = {
  ...ACTIVATION_RULES,
  ...COMBINING_RULES,
  ...RECURRENT_RULES,
  ...forOps(
    passThrough,
    'Identity Reshape Flatten Squeeze Unsqueeze ExpandDims Transpose Dropout Slice StridedSlice Gather',
  ),
  ...forOps(
    passThrough,
    'GatherV2 GatherElements GatherND Expand Tile MaxPool GlobalMaxPool ReduceMax ReduceMin Split Cast',
  ),
  ...forOps(passThrough, 'DepthToSpace SpaceToDepth MaxPool3D ResizeNearestNeighbor MirrorPad'),
  ...forOps(unionWithZero, 'Masking'),
  ...forOps(interpolation, 'ResizeBilinear'),
  ...forOps(padding, 'Pad PadV2'),
  ...forOps(unionOfInputs, 'Concat ConcatV2'),
  ...forOps(
    constantInterval(UNIT_INTERVAL),
    'Equal NotEqual Less LessOrEqual LessEqual Greater GreaterOrEqual GreaterEqual And Or Xor Not',
  ),
  ...forOps(constantInterval(UNIT_INTERVAL), 'IsNaN IsInf Softmax'),
  ...forOps(constantInterval({ low: -1, high: 1 }), 'Sin Cos Sign'),
  ...forOps(constantInterval({ low: Number.NEGATIVE_INFINITY, high: 0 }), 'LogSoftmax'),
  ...forOps(atLeast(0), 'ArgMax ArgMin'),
  ...forOps(atLeast(1), 'Cosh'),
  ...forOps(quotient, 'Div RealDiv'),
  ...forOps(difference, 'Sub'),
  ...forOps(({ inputIntervals: [x] }) => negate(x), 'Neg'),
  ...forOps(({ inputIntervals: [x] }) => square(x), 'Square'),
  ...forOps(({ inputIntervals: [x] }) => invert(x), 'Reciprocal Inv'),
  ...forOps(magnitude, 'Abs'),
  ...forOps(({ inputIntervals: [condition, a, b] }) => {
    if (b === undefined) return undefined;
    return condition.low === 1 ? a : condition.high === 0 ? b : union(a, b);
  }, 'Where Select SelectV2'),
  ...forOps(tangent, 'Tan'),
  ...forOps(clip, 'Clip ClipByValue'),
  ...forOps(power, 'Pow'),
  ...forOps(matrixProduct, 'MatMul'),
  ...forOps(gemm, 'Gemm'),
  ...forOps(convolution(false), 'Conv'),
  ...forOps(convolution(true), 'Conv1D Conv2D Conv3D'),
  ...forOps(depthwiseConvolution, 'DepthwiseConv2dNative'),
  ...forOps(transposedConvolution, 'Conv2DTranspose Conv3DTranspose'),
  ...forOps(
    normalisation,
    'LayerNormalization SimplifiedLayerNormalization RMSNormalization InstanceNormalization SkipLayerNormalization',
  ),
  ...forOps(batchNormalisation, 'BatchNormalization FusedBatchNormV3'),
  ...forOps(
    increasing((x) => Math.sqrt(Math.max(0, x)), 0),
    'Sqrt',
  ),
  // Runtimes flush results below the smallest normal number to zero.
  ...forOps(increasing(Math.exp, 0, Number.POSITIVE_INFINITY, 2 ** -120), 'Exp'),
  ...forOps(increasing(Math.expm1, -1, Number.POSITIVE_INFINITY, APPROXIMATION_ERROR), 'Expm1'),
  ...forOps(increasing(Math.log, undefined, undefined, APPROXIMATION_ERROR), 'Log'),
  ...forOps(increasing(Math.log1p, undefined, undefined, APPROXIMATION_ERROR), 'Log1p'),
  ...forOps(increasing(Math.floor), 'Floor'),
  ...forOps(increasing(Math.ceil), 'Ceil'),
  ...forOps(({ inputIntervals: [x] }) => ({ low: Math.floor(x.low), high: Math.ceil(x.high) }), 'Round'),
  ...forOps(increasing(Math.atan, undefined, undefined, APPROXIMATION_ERROR), 'Atan'),
};

/** Operations that do not round: each result is a value of an operand, its negative, or its integer part. */
export const EXACT_OPS: ReadonlySet<string> = new Set(
  [
    'Identity Reshape Flatten Squeeze Unsqueeze ExpandDims Transpose Dropout Slice StridedSlice Gather GatherV2',
    'GatherElements GatherND Expand Tile MaxPool MaxPool3D GlobalMaxPool ReduceMax ReduceMin Split DepthToSpace',
    'SpaceToDepth ResizeNearestNeighbor Pad PadV2 MirrorPad Masking ThresholdedRelu',
    'Concat ConcatV2 Where Select SelectV2 Clip ClipByValue Relu Relu6 Max Maximum Min Minimum Neg Abs Floor Ceil Round',
  ].flatMap((names) => names.split(' ')),
);
