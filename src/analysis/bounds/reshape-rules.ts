import { sizeOf } from '../../tensor/tensor.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { type AffineForm, copyForm } from './affine-form.ts';
import { axisAt, type ElementBounds, type ElementShape } from './element-bounds.ts';
import {
  type AffineRule,
  hasInput,
  integersOf,
  listAttribute,
  listOperand,
  type NodeContext,
  type Size,
} from './node-context.ts';

const iota = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);

/** Copies all elements in their order into another shape. */
function reshaped(context: NodeContext, shape: ElementShape | undefined): readonly AffineForm[] | undefined {
  const [tensor] = context.node.inputs;
  const x = context.boundsOf(tensor);
  if (x === undefined || shape === undefined || sizeOf(shape.shape) !== x.low.length) return undefined;
  // A batch that is taken apart is no batch any more.
  if (x.isBatched !== shape.isBatched || !context.canAfford(x.low.length)) return undefined;
  return [copyForm(shape, tensor, iota(x.low.length))];
}

/** Values as they are. */
export const identity: AffineRule = (context) => reshaped(context, context.boundsOf(context.node.inputs[0]));

/** The shape that a tensor of a batch or a single one is reshaped to; undefined where rows do not stay apart. */
function targetShape(
  x: ElementBounds,
  target: readonly Size[],
  copiesZeros: boolean,
): ElementShape | undefined {
  const sizes = target.map((size, axis) =>
    size === 0 && copiesZeros ? (axis === 0 && x.isBatched ? 'batch' : (x.shape[axis] ?? 0)) : size,
  );
  const total = x.low.length;
  if (!x.isBatched) {
    if (sizes.includes('batch')) return undefined;
    return { shape: withRest(sizes as number[], total), isBatched: false };
  }
  const [first, ...rest] = sizes;
  if (rest.includes('batch') || rest.length === 0) return undefined;
  const row = rest as number[];
  if (first !== 'batch' && first !== 1 && first !== -1) return undefined;
  if (first === -1 && sizeOf(row) !== total) return undefined;
  // What is left of a first size of 1 takes in all rows.
  if (first === 1 && row.includes(-1)) return undefined;
  const shape = withRest(row, total);
  return sizeOf(shape) === total ? { shape: [1, ...shape], isBatched: true } : undefined;
}

/** Sizes with the one that is −1 computed. */
function withRest(sizes: readonly number[], total: number): number[] {
  const known = sizes.reduce((product, size) => (size < 0 ? product : product * size), 1);
  return sizes.map((size) => (size < 0 ? total / known : size));
}

/** Values in their order, in the shape that an operand or an attribute names. */
export const reshape: AffineRule = (context) => {
  const { node, boundsOf, sizesOf } = context;
  const x = boundsOf(node.inputs[0]);
  const target = sizesOf(node.inputs[1]) ?? listAttribute(node, 'shape');
  if (x === undefined || target === undefined) return undefined;
  const shape = targetShape(x, target, numericAttribute(node, 'allowzero') !== 1);
  return shape?.shape.every((size) => Number.isInteger(size) && size >= 0)
    ? reshaped(context, shape)
    : undefined;
};

/** Two axes: those before an axis, and the rest. */
export const flatten: AffineRule = (context) => {
  const x = context.boundsOf(context.node.inputs[0]);
  if (x === undefined) return undefined;
  const axis = numericAttribute(context.node, 'axis') ?? 1;
  const at = axis < 0 ? axis + x.shape.length : axis;
  const shape = [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))];
  if (x.isBatched && (at === 0 || shape[0] !== 1)) return undefined;
  return reshaped(context, { shape, isBatched: x.isBatched });
};

/** Without axes of size 1. */
export const squeeze: AffineRule = (context) => {
  const x = context.boundsOf(context.node.inputs[0]);
  if (x === undefined) return undefined;
  const given = hasInput(context.node, 1) ? integersOf(context, context.node.inputs[1]) : undefined;
  const axes = given ?? listAttribute(context.node, 'axes') ?? listAttribute(context.node, 'squeeze_dims');
  // To TensorFlow no axes are all.
  if (axes?.length === 0) return undefined;
  // Without axes, whether the batch goes depends on its size.
  if (axes === undefined && (x.isBatched || hasInput(context.node, 1))) return undefined;
  const dropped = new Set(axes?.map((axis) => axisAt(axis, x.shape.length)));
  if (dropped.has(undefined) || (x.isBatched && dropped.has(0))) return undefined;
  const shape = x.shape.filter((size, axis) => (axes === undefined ? size !== 1 : !dropped.has(axis)));
  return reshaped(context, { shape, isBatched: x.isBatched });
};

/** With further axes of size 1. */
export const unsqueeze: AffineRule = (context) => {
  const x = context.boundsOf(context.node.inputs[0]);
  const axes = listOperand(context, 1, 'axes');
  if (x === undefined || axes === undefined) return undefined;
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisAt(axis, rank)));
  if (added.has(undefined) || added.size !== axes.length || (x.isBatched && added.has(0))) return undefined;
  const rest = [...x.shape];
  const shape = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? 1)));
  return reshaped(context, { shape, isBatched: x.isBatched });
};
