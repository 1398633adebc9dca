import type { GraphNode } from '../../model/graph/graph.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { type ShapeContext, sliceRange } from './node-facts.ts';

/** Values of a tensor of few numbers that sizes are computed from. */
type ValueRule = (node: GraphNode, context: ShapeContext) => readonly number[] | undefined;

/** Longest list of numbers that is taken for sizes. */
const MAX_VALUES = 64;

/** The values of all inputs; undefined where one is not known. */
function operands({ inputs }: GraphNode, { values }: ShapeContext): (readonly number[])[] | undefined {
  const known = inputs.map((name) => values.get(name));
  return known.every((list) => list !== undefined) ? known : undefined;
}

const same: ValueRule = ({ inputs: [x] }, { values }) => values.get(x ?? '');

const joined: ValueRule = (node, context) => operands(node, context)?.flat();

const gathered: ValueRule = (node, { values }) => {
  const [x, indices] = node.inputs.map((name) => values.get(name));
  return x && indices?.map((index) => x[index < 0 ? index + x.length : index] ?? 1);
};

const sliced: ValueRule = (node, context) => {
  const x = context.values.get(node.inputs[0] ?? '');
  const range = sliceRange(node, context);
  if (x === undefined || range === undefined) return undefined;
  const [{ start, end, step } = { start: undefined, end: undefined, step: 1 }] = range.ranges;
  if (step !== 1) return undefined;
  return range.shrinks.has(0) ? x.slice(start).slice(0, 1) : x.slice(start, end);
};

/** An elementwise operation of two operands, of which one may be a single number. */
const elementwise =
  (apply: (a: number, b: number) => number): ValueRule =>
  (node, context) => {
    const [a, b] = operands(node, context) ?? [];
    if (a === undefined || b === undefined) return undefined;
    const length = Math.max(a.length, b.length);
    return Array.from({ length }, (_, i) => apply(a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]));
  };

const quotient = elementwise((a, b) => Math.floor(a / b));
const sum = elementwise((a, b) => a + b);
const product: ValueRule = (node, { values }) => {
  const x = values.get(node.inputs[0] ?? '');
  return x && [sizeOf(x)];
};

const RULES: Readonly<Record<string, ValueRule>> = {
  Shape: (_node, { inputs: [x] }) => x,
  Size: (_node, { inputs: [x] }) => x && [sizeOf(x)],
  Cast: same,
  Identity: same,
  Reshape: same,
  Squeeze: same,
  Unsqueeze: same,
  ExpandDims: same,
  Pack: joined,
  Concat: joined,
  ConcatV2: (node, context) => joined({ ...node, inputs: node.inputs.slice(0, -1) }, context),
  Gather: gathered,
  GatherV2: gathered,
  Slice: sliced,
  StridedSlice: sliced,
  Add: sum,
  AddV2: sum,
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: quotient,
  FloorDiv: quotient,
  Maximum: elementwise(Math.max),
  Minimum: elementwise(Math.min),
  Prod: product,
  ReduceProd: product,
};

/**
 * Values of a node's first output where they are sizes, or computed from sizes: exporters reshape by what they cut out of
 * the input's shape. Undefined where they are not known, or more than a shape has.
 */
export function outputValues(node: GraphNode, context: ShapeContext): readonly number[] | undefined {
  const values = RULES[node.op]?.(node, context);
  return values !== undefined && values.length <= MAX_VALUES && values.every(Number.isFinite)
    ? values
    : undefined;
}
