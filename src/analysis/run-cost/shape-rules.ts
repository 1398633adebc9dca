import type { GraphNode } from '../../model/graph/graph.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { LAYOUT_SHAPE_RULES } from './layout-shape-rules.ts';
import { type KnownShape, numberOf, numbersOf, type ShapeContext } from './node-facts.ts';

type ShapeRule = (node: GraphNode, context: ShapeContext) => KnownShape | undefined;

/** Positions of a window of `kernel` values along each of the last dimensions (ONNX Conv and pooling). */
function slidingSizes(node: GraphNode, spatial: KnownShape, kernel: readonly number[]): number[] {
  const rank = spatial.length;
  const each = (name: string, fallback: number): readonly number[] =>
    numbersOf(node, name, new Array<number>(rank).fill(fallback));
  const [strides, dilations] = [each('strides', 1), each('dilations', 1)];
  const pads = numbersOf(node, 'pads', new Array<number>(2 * rank).fill(0));
  const isSame = String(node.attributes?.auto_pad ?? '').startsWith('SAME');
  return spatial.map((size, d) => {
    if (isSame) return Math.ceil(size / strides[d]);
    const padded = size + pads[d] + pads[d + rank];
    const span = dilations[d] * (kernel[d] - 1) + 1;
    return Math.max(1, Math.floor((padded - span) / strides[d]) + 1);
  });
}

const conv: ShapeRule = (node, { inputs: [x, w] }) =>
  x === undefined || w === undefined
    ? undefined
    : [x[0], w[0], ...slidingSizes(node, x.slice(2), w.slice(2))];

const transposedConv: ShapeRule = (node, { inputs: [x, w] }) => {
  if (x === undefined || w === undefined) return undefined;
  const strides = numbersOf(node, 'strides', new Array<number>(x.length - 2).fill(1));
  const groups = numberOf(node, 'group', 1);
  return [x[0], w[1] * groups, ...x.slice(2).map((size, d) => size * strides[d])];
};

const pool: ShapeRule = (node, { inputs: [x] }) =>
  x && [...x.slice(0, 2), ...slidingSizes(node, x.slice(2), numbersOf(node, 'kernel_shape', [1, 1]))];

/** Strides over height and width: graph models give one for each dimension, layers models the two alone. */
function tfStrides(node: GraphNode): readonly number[] {
  const strides = numbersOf(node, 'strides', [1, 1]);
  return strides.length === 4 ? strides.slice(1, 3) : strides;
}

/** Positions of a window of `kernel` values over height and width; without padding it stays within them. */
function tfPositions(node: GraphNode, spatial: KnownShape, kernel: readonly number[]): number[] {
  const strides = tfStrides(node);
  const isPadded = !/^valid$/i.test(String(node.attributes?.padding ?? 'same'));
  return spatial.map((size, d) => {
    const room = isPadded ? size : Math.max(1, size - (kernel[d] ?? 1) + 1);
    return Math.ceil(room / (strides[d] ?? 1));
  });
}

/** TensorFlow's convolutions over `[batch, height, width, channels]`. */
const tfConv =
  (isDepthwise: boolean): ShapeRule =>
  (node, { inputs: [x, w] }) => {
    if (x?.length !== 4 || w?.length !== 4) return undefined;
    return [x[0], ...tfPositions(node, x.slice(1, 3), w.slice(0, 2)), isDepthwise ? w[2] * w[3] : w[3]];
  };

/** Height and width of a pooling window, by the name that the kind of model gives it. */
function tfWindow(node: GraphNode): readonly number[] {
  const window = numbersOf(node, 'ksize', numbersOf(node, 'poolSize', [1, 1]));
  return window.length === 4 ? window.slice(1, 3) : window;
}

const tfPool: ShapeRule = (node, { inputs: [x] }) => {
  if (x?.length !== 4) return undefined;
  return [x[0], ...tfPositions(node, x.slice(1, 3), tfWindow(node)), x[3]];
};

const matMul: ShapeRule = (node, { inputs: [a, b] }) => {
  if (a === undefined || b === undefined || a.length < 1 || b.length < 2) return undefined;
  const isTransposed = numberOf(node, 'transB', numberOf(node, 'transpose_b', 0)) === 1;
  const columns = b[b.length - (isTransposed ? 2 : 1)];
  const stacks = b.length > a.length ? b.slice(0, -2) : a.slice(0, -2);
  return [...stacks, ...a.slice(-2, -1), columns];
};

const reshape: ShapeRule = ({ inputs: names }, { inputs: [x], values }) => {
  const wanted = values.get(names[1] ?? '');
  if (x === undefined || wanted === undefined) return x && [sizeOf(x)];
  const sizes = wanted.map((size, d) => (size === 0 ? (x[d] ?? 1) : size));
  const rest = sizes.reduce((product, size) => (size > 0 ? product * size : product), 1);
  return sizes.map((size) => (size < 0 ? Math.max(1, Math.round(sizeOf(x) / rest)) : size));
};

const transpose: ShapeRule = (node, { inputs: [x], values }) => {
  if (x === undefined) return undefined;
  const order = values.get(node.inputs[1] ?? '') ?? numbersOf(node, 'perm', [...x.keys()].reverse());
  return order.length === x.length ? order.map((d) => x[d]) : x;
};

const globalPool: ShapeRule = (_node, { inputs: [x] }) => x && [...x.slice(0, 2), ...x.slice(2).map(() => 1)];

const reduce: ShapeRule = (node, { inputs: [x], values }) => {
  if (x === undefined) return undefined;
  const axes = values.get(node.inputs[1] ?? '') ?? numbersOf(node, 'axes', [...x.keys()]);
  const isReduced = new Set(axes.map((axis) => (axis < 0 ? axis + x.length : axis)));
  const keeps = numberOf(node, 'keepdims', numberOf(node, 'keep_dims', 1)) === 1;
  return x.flatMap((size, d) => (isReduced.has(d) ? (keeps ? [1] : []) : [size]));
};

/** TensorFlow's axis is the last input. */
const concat: ShapeRule = (node, { inputs, values }) => {
  const isV2 = node.op === 'ConcatV2';
  const known = inputs.slice(0, isV2 ? -1 : undefined).filter((shape) => shape !== undefined);
  const [first] = known;
  if (first === undefined) return undefined;
  const named = isV2 ? values.get(node.inputs.at(-1) ?? '')?.[0] : undefined;
  const axis = named ?? numberOf(node, 'axis', first.length - 1);
  const at = axis < 0 ? axis + first.length : axis;
  return first.map((size, d) => (d === at ? known.reduce((sum, shape) => sum + (shape[d] ?? 0), 0) : size));
};

const split: ShapeRule = (node, { inputs: [x] }) => {
  if (x === undefined) return undefined;
  const axis = numberOf(node, 'axis', 0);
  const at = axis < 0 ? axis + x.length : axis;
  return x.map((size, d) => (d === at ? Math.ceil(size / node.outputs.length) : size));
};

const resize: ShapeRule = ({ inputs: names }, { inputs: [x], values }) => {
  if (x === undefined) return undefined;
  const [sizes, scales] = [
    values.get(names[3] ?? ''),
    values.get(names[2] ?? '') ?? values.get(names[1] ?? ''),
  ];
  if (sizes?.length === x.length) return sizes;
  return scales?.length === x.length ? x.map((size, d) => Math.floor(size * scales[d])) : x;
};

const gather: ShapeRule = (node, { inputs: [x, indices] }) => {
  if (x === undefined) return undefined;
  const axis = numberOf(node, 'axis', 0);
  const at = axis < 0 ? axis + x.length : axis;
  return [...x.slice(0, at), ...(indices ?? []), ...x.slice(at + 1)];
};

const flatten: ShapeRule = (node, { inputs: [x] }) => {
  if (x === undefined) return undefined;
  const axis = numberOf(node, 'axis', 1);
  return [sizeOf(x.slice(0, axis)), sizeOf(x.slice(axis))];
};

/** Elementwise operations, and all without a rule: as large as their largest input. */
const largest: ShapeRule = (_node, { inputs }) =>
  inputs.reduce<KnownShape | undefined>(
    (most, shape) =>
      shape !== undefined && (most === undefined || sizeOf(shape) > sizeOf(most)) ? shape : most,
    undefined,
  );

const RULES: Readonly<Record<string, ShapeRule>> = {
  Conv: conv,
  ConvInteger: conv,
  QLinearConv: (node, { inputs: [x, , , w], values }) => conv(node, { inputs: [x, w], values }),
  ConvTranspose: transposedConv,
  MaxPool: (node, context) => (node.attributes?.kernel_shape === undefined ? tfPool : pool)(node, context),
  AveragePool: pool,
  LpPool: pool,
  AvgPool: tfPool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  Conv2D: tfConv(false),
  _FusedConv2D: tfConv(false),
  FusedConv2D: tfConv(false),
  DepthwiseConv2dNative: tfConv(true),
  FusedDepthwiseConv2dNative: tfConv(true),
  MatMul: matMul,
  MatMulInteger: matMul,
  _FusedMatMul: matMul,
  BatchMatMul: matMul,
  BatchMatMulV2: matMul,
  Gemm: matMul,
  Reshape: reshape,
  Transpose: transpose,
  Concat: concat,
  ConcatV2: concat,
  Split: split,
  Resize: resize,
  Upsample: resize,
  Gather: gather,
  Flatten: flatten,
  Shape: (_node, { inputs: [x] }) => x && [x.length],
  ...LAYOUT_SHAPE_RULES,
};

/** The shape of a node's outputs, as far as it can be told; the first one's where they differ. */
export function outputShape(node: GraphNode, context: ShapeContext): KnownShape | undefined {
  const rule =
    RULES[node.op] ??
    (/^(Reduce|Mean$|Sum$|ArgM)/.test(node.op) && node.inputs.length <= 2 ? reduce : largest);
  const shape = rule(node, context);
  // A rule that met attributes of another form says nothing.
  return shape?.every(Number.isFinite) ? shape : largest(node, context);
}
