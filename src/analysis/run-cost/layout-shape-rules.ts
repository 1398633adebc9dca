import type { GraphNode } from '../../model/graph/graph.ts';
import {
  type AxisRange,
  axesOf,
  type KnownShape,
  numberOf,
  numbersOf,
  type ShapeContext,
  sliceRange,
} from './node-facts.ts';

type ShapeRule = (node: GraphNode, context: ShapeContext) => KnownShape | undefined;

/** Counted from the front. */
function positionsOf(axes: readonly number[], rank: number): Set<number> {
  return new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
}

const expandDims: ShapeRule = (node, context) => {
  const [x] = context.inputs;
  const axes = axesOf(node, context, 'axes');
  if (x === undefined || axes === undefined) return undefined;
  const rank = x.length + axes.length;
  const isAdded = positionsOf(axes, rank);
  const rest = [...x];
  return Array.from({ length: rank }, (_, d) => (isAdded.has(d) ? 1 : (rest.shift() ?? 1)));
};

const squeeze: ShapeRule = (node, context) => {
  const [x] = context.inputs;
  if (x === undefined) return undefined;
  const axes = axesOf(node, context, 'axes', 'squeeze_dims', 'axis');
  const isDropped = axes && positionsOf(axes, x.length);
  return x.filter((size, d) => (isDropped === undefined ? size !== 1 : !isDropped.has(d)));
};

/** TensorFlow lists both sides of an axis together, ONNX all starts before all ends. */
const pad: ShapeRule = (node, { inputs: [x, padding], values }) => {
  const pads = values.get(node.inputs[1] ?? '') ?? numbersOf(node, 'pads', []);
  if (x === undefined || pads.length !== 2 * x.length) return undefined;
  const isByAxis = padding?.length === 2;
  return x.map((size, d) => size + (isByAxis ? pads[2 * d] + pads[2 * d + 1] : pads[d] + pads[d + x.length]));
};

function lengthOf(size: number, { start, end, step }: AxisRange): number {
  const at = (index: number): number => Math.max(0, Math.min(size, index < 0 ? index + size : index));
  return Math.ceil(Math.abs((end === undefined ? size : at(end)) - at(start)) / Math.max(1, Math.abs(step)));
}

const slice: ShapeRule = (node, context) => {
  const [x] = context.inputs;
  const range = sliceRange(node, context);
  if (x === undefined || range === undefined || range.ranges.length > x.length) return undefined;
  const kept = x.flatMap((size, d) => {
    const axis = range.ranges[d];
    if (range.shrinks.has(d)) return [];
    return [axis === undefined ? size : lengthOf(size, axis)];
  });
  for (const position of range.added) kept.splice(position, 0, 1);
  return kept;
};

const pack: ShapeRule = (node, { inputs: [x, ...others] }) => {
  if (x === undefined) return undefined;
  const axis = numberOf(node, 'axis', 0);
  return x.toSpliced(axis < 0 ? axis + x.length + 1 : axis, 0, others.length + 1);
};

const tile: ShapeRule = (node, { inputs: [x], values }) => {
  const repeats = values.get(node.inputs[1] ?? '');
  return repeats?.length === x?.length ? x?.map((size, d) => size * (repeats?.[d] ?? 1)) : undefined;
};

/** A TensorFlow operation is told height and width, and a layer how many times as many there are. */
const resizePicture: ShapeRule = (node, { inputs: [x], values }) => {
  if (x?.length !== 4) return undefined;
  const sizes = values.get(node.inputs[1] ?? '');
  if (sizes?.length === 2) return [x[0], sizes[0], sizes[1], x[3]];
  const factors = numbersOf(node, 'size', []);
  if (factors.length !== 2) return undefined;
  const first = node.attributes?.dataFormat === 'channelsFirst' ? 2 : 1;
  return x.map((size, d) => size * (factors[d - first] ?? 1));
};

/** The shape that one of the inputs holds. */
const shapeInput =
  (index: number): ShapeRule =>
  (node, { values }) =>
    values.get(node.inputs[index] ?? '');

/** Rules of operations that move values without computing any. */
export const LAYOUT_SHAPE_RULES: Readonly<Record<string, ShapeRule>> = {
  ExpandDims: expandDims,
  Unsqueeze: expandDims,
  Squeeze: squeeze,
  Pad: pad,
  PadV2: pad,
  MirrorPad: pad,
  Slice: slice,
  StridedSlice: slice,
  Pack: pack,
  Tile: tile,
  ResizeNearestNeighbor: resizePicture,
  ResizeBilinear: resizePicture,
  Expand: shapeInput(1),
  BroadcastTo: shapeInput(1),
  ConstantOfShape: shapeInput(0),
  Fill: shapeInput(0),
};
