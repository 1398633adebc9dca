import { readNumber, sizeOf } from '../../tensor/tensor.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { type AffineForm, copyForm, selection } from './affine-form.ts';
import {
  axisAt,
  broadcastIndices,
  broadcastShape,
  type ElementBounds,
  numbersOf,
  stridesOf,
} from './element-bounds.ts';
import { type AffineRule, hasInput, integersOf, listOperand, type NodeContext } from './node-context.ts';
import { flatten, identity, reshape, squeeze, unsqueeze } from './reshape-rules.ts';

/** Copies the elements that a function names, which a shape has in row-major order. */
function gathered(
  context: NodeContext,
  x: ElementBounds,
  shape: readonly number[],
  sourceOf: (position: readonly number[]) => number,
  tensor = context.node.inputs[0],
): AffineForm | undefined {
  const size = sizeOf(shape);
  if (!context.canAfford(size)) return undefined;
  const indices = new Int32Array(size);
  const position = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < size; i++) {
    indices[i] = sourceOf(position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++position[axis] < shape[axis]) break;
      position[axis] = 0;
    }
  }
  return copyForm({ shape, isBatched: x.isBatched }, tensor, indices);
}

const transpose: AffineRule = (context) => {
  const x = context.boundsOf(context.node.inputs[0]);
  if (x === undefined) return undefined;
  const order = listOperand(context, 1, 'perm') ?? [...x.shape.keys()].reverse();
  if (order.length !== x.shape.length || new Set(order).size !== order.length) return undefined;
  if (order.some((axis) => x.shape[axis] === undefined) || (x.isBatched && order[0] !== 0)) return undefined;
  const strides = stridesOf(x.shape);
  const shape = order.map((axis) => x.shape[axis]);
  const form = gathered(context, x, shape, (position) =>
    position.reduce((sum, at, axis) => sum + at * strides[order[axis]], 0),
  );
  return form && [form];
};

/** What a Slice takes of an axis: the first index, the step and how many. */
function sliceOf(size: number, start: number, end: number, step: number): [number, number, number] {
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  if (step > 0) {
    const first = Math.min(size, Math.max(0, from));
    return [first, step, Math.max(0, Math.ceil((Math.min(size, Math.max(0, to)) - first) / step))];
  }
  const first = Math.min(size - 1, Math.max(-1, from));
  return [first, step, Math.max(0, Math.ceil((Math.min(size - 1, Math.max(-1, to)) - first) / step))];
}

const slice: AffineRule = (context) => {
  const x = context.boundsOf(context.node.inputs[0]);
  const [starts, ends] = [listOperand(context, 1, 'starts'), listOperand(context, 2, 'ends')];
  if (x === undefined || starts === undefined || ends === undefined) return undefined;
  const axes = listOperand(context, 3, 'axes') ?? [...starts.keys()];
  const steps = listOperand(context, 4, 'steps') ?? starts.map(() => 1);
  const isUnknown = (index: number, list: readonly number[]): boolean =>
    hasInput(context.node, index) && integersOf(context, context.node.inputs[index]) !== list;
  if (isUnknown(3, axes) || isUnknown(4, steps)) return undefined;
  const parts = x.shape.map((size): [number, number, number] => [0, 1, size]);
  for (let i = 0; i < axes.length; i++) {
    const axis = axisAt(axes[i], x.shape.length);
    if (axis === undefined || (x.isBatched && axis === 0) || !steps[i]) return undefined;
    parts[axis] = sliceOf(x.shape[axis], starts[i], ends[i], steps[i]);
  }
  const strides = stridesOf(x.shape);
  const shape = parts.map(([, , count]) => count);
  const form = gathered(context, x, shape, (position) =>
    position.reduce((sum, at, axis) => sum + (parts[axis][0] + at * parts[axis][1]) * strides[axis], 0),
  );
  return form && [form];
};

const concat: AffineRule = (context) => {
  const { node, boundsOf } = context;
  const isV2 = node.op === 'ConcatV2';
  const names = isV2 ? node.inputs.slice(0, -1) : node.inputs;
  const axisNumber = isV2 ? integersOf(context, node.inputs.at(-1))?.[0] : numericAttribute(node, 'axis');
  const parts = names.map((name) => boundsOf(name)).filter((part) => part !== undefined);
  if (parts.length === 0 || parts.length < names.length || axisNumber === undefined) return undefined;
  const [{ shape: first, isBatched }] = parts;
  const axis = axisAt(axisNumber, first.length);
  if (axis === undefined || parts.some((part) => part.isBatched !== isBatched) || (isBatched && axis === 0))
    return undefined;
  const fits = parts.every(
    ({ shape }) => shape.length === first.length && shape.every((size, d) => d === axis || size === first[d]),
  );
  const shape = first.map((size, d) =>
    d === axis ? parts.reduce((sum, part) => sum + part.shape[axis], 0) : size,
  );
  const size = sizeOf(shape);
  if (!fits || !context.canAfford(size * parts.length)) return undefined;
  const inner = sizeOf(shape.slice(axis + 1));
  let before = 0;
  const terms = parts.map((part, p) => {
    const length = part.shape[axis];
    const indices = new Int32Array(size);
    for (let i = 0; i < size; i++) {
      const at = (Math.floor(i / inner) % shape[axis]) - before;
      const outer = Math.floor(i / (inner * shape[axis]));
      indices[i] = at < 0 || at >= length ? -1 : (outer * length + at) * inner + (i % inner);
    }
    before += length;
    return { tensor: names[p], matrix: selection(indices) };
  });
  return [{ shape, isBatched, terms, offset: undefined, isExact: true }];
};

const split: AffineRule = (context) => {
  const { node } = context;
  // TensorFlow's has the axis as its first input.
  if (typeof node.attributes?.num_split === 'number') return undefined;
  const x = context.boundsOf(node.inputs[0]);
  const axis = x && axisAt(numericAttribute(node, 'axis') ?? 0, x.shape.length);
  if (x === undefined || axis === undefined || (x.isBatched && axis === 0)) return undefined;
  const count = node.outputs.length;
  const given = listOperand(context, 1, 'split');
  if (given === undefined && hasInput(node, 1)) return undefined;
  const chunk = Math.ceil(x.shape[axis] / count);
  const lengths = given ?? node.outputs.map((_, i) => Math.min(chunk, x.shape[axis] - i * chunk));
  if (lengths.length !== count || lengths.reduce((a, b) => a + b, 0) !== x.shape[axis]) return undefined;
  const strides = stridesOf(x.shape);
  let before = 0;
  return lengths.map((length) => {
    const start = before;
    before += length;
    const shape = x.shape.with(axis, length);
    return gathered(context, x, shape, (position) =>
      position.reduce((sum, at, d) => sum + (d === axis ? at + start : at) * strides[d], 0),
    );
  });
};

/** Elements at constant indices along an axis. */
const gather: AffineRule = (context) => {
  const { node, boundsOf, constant } = context;
  const x = boundsOf(node.inputs[0]);
  const indices = constant(node.inputs[1]);
  const axis = x && axisAt(numericAttribute(node, 'axis') ?? 0, x.shape.length);
  if (x === undefined || indices === undefined || axis === undefined || (x.isBatched && axis === 0))
    return undefined;
  const length = x.shape[axis];
  const rows = [...numbersOf(indices)].map((index) => axisAt(index, length));
  if (rows.includes(undefined)) return undefined;
  const strides = stridesOf(x.shape);
  const rank = indices.shape.length;
  const indexStrides = stridesOf(indices.shape);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const form = gathered(context, x, shape, (position) => {
    let row = 0;
    let sum = 0;
    for (let d = 0; d < position.length; d++) {
      if (d < axis) sum += position[d] * strides[d];
      else if (d < axis + rank) row += position[d] * indexStrides[d - axis];
      else sum += position[d] * strides[d - rank + 1];
    }
    return sum + (rows[row] ?? 0) * strides[axis];
  });
  return form && [form];
};

/** Padding with a constant. */
const pad: AffineRule = (context) => {
  const { node, boundsOf, constant } = context;
  const x = boundsOf(node.inputs[0]);
  const pads = listOperand(context, 1, 'pads');
  // TensorFlow's list both sides of an axis together.
  if (constant(node.inputs[1])?.shape.length === 2) return undefined;
  if (x === undefined || pads?.length !== 2 * x.shape.length || hasInput(node, 3)) return undefined;
  if (
    (node.attributes?.mode ?? 'constant') !== 'constant' ||
    (x.isBatched && pads[0] + pads[x.shape.length] !== 0)
  )
    return undefined;
  const filler = hasInput(node, 2) ? constant(node.inputs[2]) : undefined;
  if (filler === undefined && hasInput(node, 2)) return undefined;
  const value =
    filler === undefined ? (numericAttribute(node, 'value') ?? 0) : readNumber(filler.type, filler.data, 0);
  const shape = x.shape.map((size, d) => size + pads[d] + pads[d + x.shape.length]);
  if (!Number.isFinite(value) || shape.some((size) => size < 0)) return undefined;
  const strides = stridesOf(x.shape);
  const form = gathered(context, x, shape, (position) => {
    let sum = 0;
    for (let d = 0; d < position.length; d++) {
      const at = position[d] - pads[d];
      if (at < 0 || at >= x.shape[d]) return -1;
      sum += at * strides[d];
    }
    return sum;
  });
  if (form === undefined || value === 0) return form && [form];
  const { starts } = form.terms[0].matrix;
  const offset = Float64Array.from({ length: sizeOf(shape) }, (_, j) =>
    starts[j] === starts[j + 1] ? value : 0,
  );
  return [{ ...form, offset }];
};

const expand: AffineRule = (context) => {
  const { node, boundsOf, sizesOf } = context;
  const x = boundsOf(node.inputs[0]);
  const target = sizesOf(node.inputs[1]);
  if (x === undefined || target === undefined || target.lastIndexOf('batch') > 0) return undefined;
  const shape = broadcastShape([
    x,
    { shape: target.map((size) => (size === 'batch' ? 1 : size)), isBatched: target[0] === 'batch' },
  ]);
  if (shape === undefined || !context.canAfford(sizeOf(shape.shape))) return undefined;
  return [copyForm(shape, node.inputs[0], broadcastIndices(x.shape, shape.shape))];
};

/** Rules that TensorFlow's operations of the same names obey as well. */
export const SHARED_LAYOUT_RULES: Readonly<Record<string, AffineRule>> = {
  Identity: identity,
  Dropout: identity,
  Reshape: reshape,
  Squeeze: squeeze,
  ExpandDims: unsqueeze,
  Transpose: transpose,
  ConcatV2: concat,
};

/** Rules of ONNX's operations that copy values to other places. */
export const LAYOUT_RULES: Readonly<Record<string, AffineRule>> = {
  ...SHARED_LAYOUT_RULES,
  Flatten: flatten,
  Unsqueeze: unsqueeze,
  Slice: slice,
  Concat: concat,
  Split: split,
  Gather: gather,
  Pad: pad,
  Expand: expand,
};
