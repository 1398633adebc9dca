import { readNumber, sizeOf } from '../../tensor/tensor.ts';
import { smallestNormal } from '../numerical-sites/interval.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { type AffineForm, selection } from './affine-form.ts';
import {
  broadcastIndices,
  broadcastShape,
  type ElementBounds,
  isFloat,
  numbersOf,
} from './element-bounds.ts';
import type { AffineRule, NodeContext } from './node-context.ts';
import { gemm, matMul } from './product-rules.ts';
import { REDUCTION_RULES } from './reduction-rules.ts';
import { WINDOW_RULES } from './window-rules.ts';

/** Operands as bounds; undefined where one is not known or the result is of integers, which wrap and truncate. */
function floatOperands({ node, boundsOf, typeOf }: NodeContext): ElementBounds[] | undefined {
  if (!isFloat(typeOf(node.outputs[0]))) return undefined;
  const operands = node.inputs.filter((name) => name !== '').map((name) => boundsOf(name));
  return operands.every((operand) => operand !== undefined) ? operands : undefined;
}

/** A sum of broadcast operands, each with a weight. */
function weightedOperands(context: NodeContext, weights: readonly number[]): AffineForm | undefined {
  const operands = floatOperands(context);
  const shape = operands && broadcastShape(operands);
  if (operands === undefined || shape === undefined) return undefined;
  const size = sizeOf(shape.shape);
  if (!context.canAfford(size * operands.length)) return undefined;
  const terms = operands.map((operand, i) => ({
    tensor: context.node.inputs[i],
    matrix: selection(
      broadcastIndices(operand.shape, shape.shape),
      weights[i] === 1 ? undefined : new Float64Array(size).fill(weights[i]),
    ),
  }));
  return { ...shape, terms, offset: undefined, isExact: false };
}

const sum: AffineRule = (context) => {
  const form = weightedOperands(context, new Array<number>(context.node.inputs.length).fill(1));
  return form && [form];
};

const difference: AffineRule = (context) => {
  const form = weightedOperands(context, [1, -1]);
  return form && [form];
};

const negation: AffineRule = (context) => {
  const form = weightedOperands(context, [-1]);
  return form && [{ ...form, isExact: true }];
};

/** A tensor with each element multiplied by a constant, or divided by one. */
const scaled =
  (isQuotient: boolean): AffineRule =>
  (context) => {
    const { node, boundsOf, constant } = context;
    const operands = floatOperands(context);
    const constantAt = isQuotient ? 1 : node.inputs.findIndex((name) => constant(name) !== undefined);
    const factor = constant(node.inputs[constantAt]);
    const tensor = node.inputs[1 - constantAt];
    const x = boundsOf(tensor);
    if (operands?.length !== 2 || factor === undefined || x === undefined) return undefined;
    const shape = broadcastShape(operands);
    if (shape === undefined || !context.canAfford(2 * sizeOf(shape.shape))) return undefined;
    const factorIndices = broadcastIndices(factor.shape, shape.shape);
    const weights = Float64Array.from(factorIndices, (index) => {
      const value = readNumber(factor.type, factor.data, index);
      return isQuotient ? 1 / value : value;
    });
    if (!weights.every(Number.isFinite)) return undefined;
    const matrix = selection(broadcastIndices(x.shape, shape.shape), weights);
    return [{ ...shape, terms: [{ tensor, matrix }], offset: undefined, isExact: false }];
  };

/** (x − mean) / √(variance + ε) · scale + shift along axis 1, with constant statistics. */
const batchNormalisation: AffineRule = (context) => {
  const { node, boundsOf, constant } = context;
  if (numericAttribute(node, 'training_mode') === 1 || node.outputs.filter(Boolean).length > 1)
    return undefined;
  const x = boundsOf(node.inputs[0]);
  const statistics = node.inputs.slice(1, 5).flatMap((name) => constant(name) ?? []);
  if (x === undefined || x.shape.length < 2 || statistics.length < 4) return undefined;
  const [scale, shift, mean, variance] = statistics.map(numbersOf);
  const epsilon = numericAttribute(node, 'epsilon') ?? 1e-5;
  const size = x.low.length;
  // A variance below zero cancels with epsilon.
  if (variance.some((value) => !(value >= 0 && value + epsilon > 0)) || !context.canAfford(size))
    return undefined;
  const inner = sizeOf(x.shape.slice(2));
  const weights = new Float64Array(size);
  const offset = new Float64Array(size);
  const offsetMagnitude = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const channel = Math.floor(i / inner) % x.shape[1];
    weights[i] = scale[channel] / Math.sqrt(variance[channel] + epsilon);
    offset[i] = shift[channel] - mean[channel] * weights[i];
    offsetMagnitude[i] = Math.abs(shift[channel]) + Math.abs(mean[channel] * weights[i]);
  }
  if (!weights.every(Number.isFinite) || !offset.every(Number.isFinite)) return undefined;
  // Scales that a runtime may flush to zero.
  if (scale.some((value) => value !== 0 && Math.abs(value) < smallestNormal('float32'))) return undefined;
  const indices = Int32Array.from({ length: size }, (_, i) => i);
  const terms = [{ tensor: node.inputs[0], matrix: selection(indices, weights) }];
  const { shape, isBatched } = x;
  return [{ shape, isBatched, terms, offset, offsetMagnitude, isExact: false }];
};

/** Affine rules that TensorFlow's operations of the same names obey as well. */
export const SHARED_AFFINE_RULES: Readonly<Record<string, AffineRule>> = {
  Add: sum,
  AddV2: sum,
  AddN: sum,
  Sub: difference,
  Neg: negation,
  Mul: scaled(false),
  Div: scaled(true),
  RealDiv: scaled(true),
  MatMul: matMul,
};

/** Affine rules of ONNX's operations; products and quotients are affine where one operand is constant. */
export const AFFINE_RULES: Readonly<Record<string, AffineRule>> = {
  ...SHARED_AFFINE_RULES,
  ...WINDOW_RULES,
  Sum: sum,
  Gemm: gemm,
  BatchNormalization: batchNormalisation,
  ...REDUCTION_RULES,
};
