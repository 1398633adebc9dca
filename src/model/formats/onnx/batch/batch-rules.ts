import type { AttributeValue } from '../../../graph/graph.ts';

/** An operand of a node, as far as opening the batch axis asks about it. */
export interface Operand {
  /** Whether its first dimension is the batch. */
  readonly isBatched: boolean;
  /** Number of dimensions; undefined where it is not known. */
  readonly rank: number | undefined;
  /** Sizes of a constant; undefined for a computed tensor. */
  readonly shape: readonly number[] | undefined;
  /** Values of a small constant. */
  readonly values: readonly number[] | undefined;
}

/** A node that reads a batched tensor. */
export interface BatchNode {
  readonly op: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly operands: readonly Operand[];
}

/** Ranks of a node's batched outputs where rows stay apart; undefined where that is not known to hold. */
export type BatchRule = (node: BatchNode) => { readonly rank: number | undefined } | undefined;

const numbers = ({ attributes }: BatchNode, name: string): readonly number[] | undefined => {
  const value = attributes[name];
  if (typeof value === 'number') return [value];
  return value === undefined || typeof value === 'string' ? undefined : value;
};

const number = (node: BatchNode, name: string, fallback: number): number =>
  numbers(node, name)?.[0] ?? fallback;

/** Whether an axis is not the batch. */
function isInner(axis: number, rank: number | undefined): boolean {
  if (axis > 0) return true;
  return axis < 0 && rank !== undefined && axis + rank > 0;
}

/** Whether a constant is the same for every row: it has no batch dimension, or one of size 1. */
function isSharedByRows({ shape }: Operand, rank: number | undefined): boolean {
  if (shape === undefined) return false;
  return shape.length === 0 || shape[0] === 1 || (rank !== undefined && shape.length < rank);
}

/** Operations on the first operand, the others being weights. */
const first: BatchRule = ({ operands: [x, ...weights] }) =>
  x.isBatched && weights.every(({ isBatched }) => !isBatched) ? { rank: x.rank } : undefined;

/** Elementwise operations with broadcasting. */
const elementwise: BatchRule = ({ operands }) => {
  const batched = operands.filter(({ isBatched }) => isBatched);
  const [{ rank }] = batched;
  const rest = operands.filter(({ isBatched }) => !isBatched);
  const fits =
    batched.every((other) => other.rank === rank) && rest.every((other) => isSharedByRows(other, rank));
  return fits ? { rank } : undefined;
};

/** Operations along one axis. */
const along =
  (defaultAxis: number): BatchRule =>
  (node) => {
    const [x] = node.operands;
    return first(node) !== undefined && isInner(number(node, 'axis', defaultAxis), x.rank)
      ? { rank: x.rank }
      : undefined;
  };

/** Axes of an operation that takes them as an attribute or, later, as an operand. */
function axesOf(node: BatchNode, operand: number): readonly number[] | undefined {
  return numbers(node, 'axes') ?? node.operands[operand]?.values;
}

const reduce: BatchRule = (node) => {
  const [x] = node.operands;
  const axes = axesOf(node, 1);
  if (first(node) === undefined || axes === undefined || axes.length === 0) return undefined;
  if (!axes.every((axis) => isInner(axis, x.rank))) return undefined;
  const isKept = number(node, 'keepdims', 1) === 1;
  return { rank: isKept || x.rank === undefined ? x.rank : x.rank - axes.length };
};

/** Squeeze and Unsqueeze. */
const changeRank =
  (sign: 1 | -1): BatchRule =>
  (node) => {
    const [x] = node.operands;
    const axes = axesOf(node, 1);
    if (first(node) === undefined || axes === undefined || x.rank === undefined) return undefined;
    const rank = x.rank + sign * axes.length;
    return axes.every((axis) => isInner(axis, sign > 0 ? rank : x.rank)) ? { rank } : undefined;
  };

const gemm: BatchRule = (node) => {
  const [, , c] = node.operands;
  const isBiasShared = c === undefined || isSharedByRows(c, 2);
  return first(node) !== undefined && number(node, 'transA', 0) === 0 && isBiasShared
    ? { rank: 2 }
    : undefined;
};

const matMul: BatchRule = ({ operands: [a, b] }) => {
  if (a.rank === undefined || a.rank < 2) return undefined;
  if (b.isBatched) return a.isBatched && a.rank === b.rank && a.rank > 2 ? { rank: a.rank } : undefined;
  const { shape } = b;
  if (shape === undefined) return undefined;
  return shape.length < 3 || shape.length < a.rank || shape[0] === 1 ? { rank: a.rank } : undefined;
};

const concat: BatchRule = (node) => {
  const [{ rank }] = node.operands;
  const areAlike = node.operands.every((operand) => operand.isBatched && operand.rank === rank);
  return areAlike && isInner(number(node, 'axis', 0), rank) ? { rank } : undefined;
};

const transpose: BatchRule = (node) =>
  numbers(node, 'perm')?.[0] === 0 ? { rank: node.operands[0].rank } : undefined;

const slice: BatchRule = (node) => {
  const [x] = node.operands;
  const axes = axesOf(node, 3);
  return first(node) !== undefined && axes?.every((axis) => isInner(axis, x.rank)) === true
    ? { rank: x.rank }
    : undefined;
};

const gather: BatchRule = (node) => {
  const [x, indices] = node.operands;
  if (along(0)(node) === undefined || indices.shape === undefined) return undefined;
  return { rank: x.rank === undefined ? undefined : x.rank - 1 + indices.shape.length };
};

const pad: BatchRule = (node) => {
  const [x] = node.operands;
  const pads = numbers(node, 'pads') ?? node.operands[1]?.values;
  const leavesBatch = pads !== undefined && pads[0] === 0 && pads[pads.length / 2] === 0;
  return first(node) !== undefined && leavesBatch ? { rank: x.rank } : undefined;
};

const resize: BatchRule = (node) => {
  const [x] = node.operands;
  const scales = numbers(node, 'scales') ?? node.operands[2]?.values ?? node.operands[1]?.values;
  return first(node) !== undefined && node.operands[3] === undefined && scales?.[0] === 1
    ? { rank: x.rank }
    : undefined;
};

/** A leading 1 is replaced by 0, the size that the dimension has; see `openBatchAxis`. */
const reshape: BatchRule = (node) => {
  const sizes = node.operands[1]?.values;
  if (first(node) === undefined || sizes === undefined || number(node, 'allowzero', 0) !== 0)
    return undefined;
  return sizes[0] === 1 || sizes[0] === 0 ? { rank: sizes.length } : undefined;
};

const flatten: BatchRule = (node) => (number(node, 'axis', 1) === 1 ? { rank: 2 } : undefined);

function forAll(rule: BatchRule, ops: string): [string, BatchRule][] {
  return ops.split(' ').map((op) => [op, rule]);
}

/** Operations that compute each row from that row alone, with the attributes for which they do. */
export const BATCH_RULES: ReadonlyMap<string, BatchRule> = new Map([
  ...forAll(
    first,
    'Relu LeakyRelu Sigmoid Tanh Exp Log Sqrt Abs Neg Erf Softplus Softsign Elu Celu Selu HardSigmoid HardSwish Mish Gelu ThresholdedRelu Clip Cast Identity Dropout Ceil Floor Round Reciprocal Sign Sin Cos Not IsNaN IsInf LRN BatchNormalization InstanceNormalization GlobalAveragePool GlobalMaxPool MaxPool AveragePool LpPool Conv ConvTranspose DepthToSpace SpaceToDepth',
  ),
  ...forAll(
    elementwise,
    'Add Sub Mul Div Pow Max Min Mean Sum Mod Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor Where PRelu',
  ),
  ...forAll(along(-1), 'Softmax LogSoftmax Hardmax LayerNormalization'),
  ...forAll(along(0), 'ArgMax ArgMin Split'),
  ...forAll(
    reduce,
    'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare',
  ),
  ['Squeeze', changeRank(-1)],
  ['Unsqueeze', changeRank(1)],
  ['Gemm', gemm],
  ['MatMul', matMul],
  ['Concat', concat],
  ['Transpose', transpose],
  ['Slice', slice],
  ['Gather', gather],
  ['Pad', pad],
  ['Resize', resize],
  ['Reshape', reshape],
  ['Flatten', flatten],
]);
