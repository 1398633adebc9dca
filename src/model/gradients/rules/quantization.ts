import {
  type Differentiation,
  integerOf,
  type OperandGradients,
  type Rule,
  upstreamOf,
  withUpstream,
} from '../rule.ts';
import { positiveAxis, type Value } from '../tensor-writer.ts';
import { conv } from './convolution.ts';
import { averagePool } from './pooling.ts';
import { gemm, productGradients } from './products.ts';

/**
 * Quantizing and dequantizing are the identity but for rounding and saturation, in units of the scale: the gradient at quantized
 * numbers is taken at the values that they stand for, so that no rule multiplies by scales. Exact integers, as
 * DynamicQuantizeLinear makes them for MatMulInteger and ConvInteger, have the gradient in their own units.
 */
function straightThrough(rule: Rule): Rule {
  return (at) => (at.straightThrough ? rule(at) : undefined);
}

const identity: Rule = (at) => [upstreamOf(at)];

/** (q − zero point)·scale, with scale and zero point for the whole tensor, or one a channel along an axis. */
function dequantized(at: Differentiation, input: number, scale: number, zero: number, axis = 0): Value {
  return at.writer.mul(withoutZero(at, input, zero, axis), alongAxis(at, scale, at.inputShape(input), axis));
}

function withoutZero(at: Differentiation, input: number, zero: number, axis = 0): Value {
  const q = at.operand(input);
  return at.hasInput(zero) ? at.writer.sub(q, alongAxis(at, zero, q.shape, axis)) : q;
}

function alongAxis(at: Differentiation, input: number, shape: readonly number[], axis: number): Value {
  const value = at.operand(input);
  const [count = 1] = value.shape;
  if (value.shape.length > 1) return value;
  const aligned = shape.map((_, i) => (i === positiveAxis(axis, shape.length) ? count : 1));
  return at.writer.reshape(value, count === 1 ? [] : aligned);
}

/** The operation with the values that its quantized operands stand for, and with operands at other places. */
function asFloat(
  at: Differentiation,
  operands: readonly (number | undefined)[],
  values: ReadonlyMap<number, Value>,
) {
  const place = (input: number): number => operands[input] ?? at.node.inputs.length;
  return {
    ...at,
    wants: (input: number) => operands[input] !== undefined && at.wants(place(input)),
    hasInput: (input: number) => operands[input] !== undefined && at.hasInput(place(input)),
    inputShape: (input: number) => at.inputShape(place(input)),
    operand: (input: number) => values.get(input) ?? at.operand(place(input)),
  };
}

/** The gradients at the places that operands have in the quantized operation. */
function placed(
  gradients: OperandGradients | undefined,
  operands: readonly (number | undefined)[],
): OperandGradients | undefined {
  if (gradients === undefined) return undefined;
  const result: (Value | undefined)[] = [];
  operands.forEach((place, i) => {
    if (place !== undefined) result[place] = gradients[i];
  });
  return result;
}

/** X, scale and zero point; W, scale and zero point; those of the result; bias. Weights may have a scale a channel. */
const qLinearConv: Rule = (at) => {
  const weight = dequantized(at, 3, 4, 5, 0);
  return placed(conv(asFloat(at, [0, 3], new Map([[1, weight]]))), [0, 3]);
};

const convInteger: Rule = (at) => {
  const weight = withoutZero(at, 1, 3, 0);
  return placed(conv(asFloat(at, [0, 1], new Map([[1, weight]]))), [0, 1]);
};

const qLinearMatMul: Rule = (at) => {
  const values = new Map([
    [0, dequantized(at, 0, 1, 2, -2)],
    [1, dequantized(at, 3, 4, 5, -1)],
  ]);
  return placed(productGradients(asFloat(at, [0, 3], values)), [0, 3]);
};

const matMulInteger: Rule = (at) => {
  const values = new Map([
    [0, withoutZero(at, 0, 2, -2)],
    [1, withoutZero(at, 1, 3, -1)],
  ]);
  return productGradients(asFloat(at, [0, 1], values));
};

/** Integers of a scale that is chosen for the range of the values, which counts as constant. */
const dynamicQuantize: Rule = (at) => [at.writer.div(upstreamOf(at), at.result(1))];

/** A of floating point, B quantized with its scale and zero point. */
const dynamicMatMul: Rule = (at) => {
  const values = new Map([[1, dequantized(at, 1, 2, 3, -1)]]);
  return placed(productGradients(asFloat(at, [0, 1], values)), [0, 1]);
};

/** Integers of DynamicQuantizeLinear: A, B, their scales and zero points. The gradient at A is in its own units. */
const matMulIntegerToFloat: Rule = (at) => {
  const { writer: w } = at;
  const scale = w.mul(alongAxis(at, 2, at.outputShape(0), -2), alongAxis(at, 3, at.outputShape(0), -1));
  const scaled = withUpstream(at, w.mul(upstreamOf(at), scale));
  const values = new Map([
    [0, withoutZero(at, 0, 4, -2)],
    [1, withoutZero(at, 1, 5, -1)],
  ]);
  return productGradients(asFloat(scaled, [0, 1], values));
};

const qLinearAdd: Rule = (at) => {
  const g = upstreamOf(at);
  return placed(
    [0, 3].map((input) => (at.wants(input) ? at.writer.reduceTo(g, at.inputShape(input)) : undefined)),
    [0, 3],
  );
};

const qLinearMul: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const times = (input: number, other: Value): Value => w.reduceTo(w.mul(g, other), at.inputShape(input));
  return placed(
    [
      at.wants(0) ? times(0, dequantized(at, 3, 4, 5)) : undefined,
      at.wants(3) ? times(3, dequantized(at, 0, 1, 2)) : undefined,
    ],
    [0, 3],
  );
};

const qLinearSigmoid: Rule = (at) => {
  const { writer: w } = at;
  const y = w.unary('Sigmoid', dequantized(at, 0, 1, 2));
  return [w.mul(upstreamOf(at), w.mul(y, w.oneMinus(y)))];
};

const qLinearLeakyRelu: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const alpha = at.node.attributes?.alpha;
  const isPositive = w.compare('Greater', withoutZero(at, 0, 2), w.scalar(0));
  return [w.where(isPositive, g, w.scale(g, typeof alpha === 'number' ? alpha : 0.01))];
};

const qLinearGlobalAveragePool: Rule = (at) => {
  const shape = at.inputShape(0);
  const isLast = integerOf(at, 'channels_last', 0) !== 0;
  const space = isLast ? shape.slice(1, -1) : shape.slice(2);
  const count = space.reduce((product, size) => product * size, 1);
  return [at.writer.expand(at.writer.scale(upstreamOf(at), 1 / count), shape)];
};

/** Softmax of the values that the integers stand for. */
const qLinearSoftmax: Rule = (at) => {
  const { writer: w } = at;
  const x = dequantized(at, 0, 1, 2);
  const axis = positiveAxis(integerOf(at, 'axis', -1), x.shape.length);
  // Before version 13 of Softmax all axes from this one on are added up over.
  if (integerOf(at, 'opset', 13) < 13 && axis !== x.shape.length - 1) return undefined;
  const y = w.node('Softmax', [x], x.shape, { axis });
  const g = upstreamOf(at);
  return [w.mul(y, w.sub(g, w.reduceSum(w.mul(g, y), [axis])))];
};

const qGemm: Rule = (at) => {
  const values = new Map([
    [0, dequantized(at, 0, 1, 2)],
    [1, dequantized(at, 3, 4, 5, integerOf(at, 'transB', 0) === 0 ? 1 : 0)],
  ]);
  return placed(gemm(asFloat(at, [0, 3], values)), [0, 3]);
};

const qLinearAveragePool: Rule = (at) =>
  integerOf(at, 'channels_last', 0) === 0 ? averagePool(at) : undefined;

/** Scale and zero point of the result; then each part with its own. */
const qLinearConcat: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const axis = positiveAxis(integerOf(at, 'axis', 0), g.shape.length);
  const gradients: (Value | undefined)[] = [];
  let start = 0;
  for (let input = 2; input < at.node.inputs.length; input += 3) {
    const end = start + at.inputShape(input)[axis];
    if (at.wants(input)) gradients[input] = w.slice(g, axis, start, end);
    start = end;
  }
  return gradients;
};

const RULES: Readonly<Record<string, Rule>> = {
  QuantizeLinear: identity,
  DequantizeLinear: identity,
  DynamicQuantizeLinear: dynamicQuantize,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  ConvInteger: convInteger,
  MatMulInteger: matMulInteger,
  'com.microsoft.QuantizeLinear': identity,
  'com.microsoft.DequantizeLinear': identity,
  'com.microsoft.DynamicQuantizeMatMul': dynamicMatMul,
  'com.microsoft.MatMulIntegerToFloat': matMulIntegerToFloat,
  'com.microsoft.QLinearAdd': qLinearAdd,
  'com.microsoft.QLinearMul': qLinearMul,
  'com.microsoft.QLinearSigmoid': qLinearSigmoid,
  'com.microsoft.QLinearLeakyRelu': qLinearLeakyRelu,
  'com.microsoft.QLinearGlobalAveragePool': qLinearGlobalAveragePool,
  'com.microsoft.QLinearConcat': qLinearConcat,
  'com.microsoft.QLinearSoftmax': qLinearSoftmax,
  'com.microsoft.QLinearAveragePool': qLinearAveragePool,
  'com.microsoft.QGemm': qGemm,
};

export const QUANTIZATION_RULES: Readonly<Record<string, Rule>> = Object.fromEntries(
  Object.entries(RULES).map(([op, rule]) => [op, straightThrough(rule)]),
);
