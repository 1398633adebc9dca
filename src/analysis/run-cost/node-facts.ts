import type { AttributeValue, GraphNode } from '../../model/graph/graph.ts';

/** A tensor's shape with every size known; `[n]` where only the number of values is. */
export type KnownShape = readonly number[];

/** Facts that a node's output shape is computed from. */
export interface ShapeContext {
  /** Shape of each of the node's inputs; undefined where it is not known. */
  readonly inputs: readonly (KnownShape | undefined)[];
  /** Values of small tensors by name: of constants, and of sizes computed from shapes. */
  readonly values: ReadonlyMap<string, readonly number[]>;
}

/** Numbers of an attribute; a default where it is absent. */
export function numbersOf(node: GraphNode, name: string, fallback: readonly number[]): readonly number[] {
  const value: AttributeValue | undefined = node.attributes?.[name];
  if (typeof value === 'number') return [value];
  return value === undefined || typeof value === 'string' ? fallback : value;
}

export function numberOf(node: GraphNode, name: string, fallback: number): number {
  return numbersOf(node, name, [fallback])[0] ?? fallback;
}

/** The axes that a node names, in its second input or in one of its attributes; undefined where it names none. */
export function axesOf(
  node: GraphNode,
  { values }: ShapeContext,
  ...attributes: readonly string[]
): readonly number[] | undefined {
  const named = attributes.map((name) => numbersOf(node, name, [])).find((axes) => axes.length > 0);
  return values.get(node.inputs[1] ?? '') ?? named;
}

/** What a slice takes of an axis: `[start, end)`, counted as `Array.prototype.slice` does; undefined to the end. */
export interface AxisRange {
  readonly start: number;
  readonly end: number | undefined;
  readonly step: number;
}

/** What a slice takes of each axis of its input; an axis that is absent stays whole. */
export interface SliceRange {
  readonly ranges: readonly (AxisRange | undefined)[];
  /** Axes that are dropped. */
  readonly shrinks: ReadonlySet<number>;
  /** Positions of axes of size 1 that are added. */
  readonly added: ReadonlySet<number>;
}

/** What a Slice (ONNX) or StridedSlice (TensorFlow) takes; undefined where that is not known. */
export function sliceRange(node: GraphNode, context: ShapeContext): SliceRange | undefined {
  return node.op === 'StridedSlice' ? stridedRange(node, context) : onnxRange(node, context);
}

function onnxRange(node: GraphNode, { inputs: [x], values }: ShapeContext): SliceRange | undefined {
  const list = (index: number, attribute: string): readonly number[] | undefined =>
    values.get(node.inputs[index] ?? '') ??
    (node.attributes?.[attribute] === undefined ? undefined : numbersOf(node, attribute, []));
  const starts = list(1, 'starts');
  const ends = list(2, 'ends');
  if (x === undefined || starts === undefined || ends === undefined) return undefined;
  const axes = list(3, 'axes') ?? [...starts.keys()];
  const steps = list(4, 'steps') ?? starts.map(() => 1);
  const ranges: (AxisRange | undefined)[] = x.map(() => undefined);
  axes.forEach((axis, i) => {
    ranges[axis < 0 ? axis + x.length : axis] = { start: starts[i], end: ends[i], step: steps[i] };
  });
  return { ranges, shrinks: new Set(), added: new Set() };
}

/** Bits of a mask of TensorFlow's StridedSlice. */
const hasBit = (mask: number, bit: number): boolean => ((mask >> bit) & 1) === 1;

function stridedRange(node: GraphNode, { values }: ShapeContext): SliceRange | undefined {
  const [, begin, end, strides] = node.inputs.map((name) => values.get(name));
  if (begin === undefined || end === undefined || numberOf(node, 'ellipsis_mask', 0) !== 0) return undefined;
  const mask = (name: string): number => numberOf(node, name, 0);
  const ranges: (AxisRange | undefined)[] = [];
  const shrinks = new Set<number>();
  const added = new Set<number>();
  begin.forEach((start, i) => {
    if (hasBit(mask('new_axis_mask'), i)) {
      added.add(i);
      return;
    }
    if (hasBit(mask('shrink_axis_mask'), i)) shrinks.add(ranges.length);
    ranges.push({
      start: hasBit(mask('begin_mask'), i) ? 0 : start,
      end: hasBit(mask('end_mask'), i) ? undefined : end[i],
      step: strides?.[i] ?? 1,
    });
  });
  return { ranges, shrinks, added };
}
