import { sizeOf } from '../../tensor/tensor.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { axisAt, broadcastIndices, isFloat } from './element-bounds.ts';
import { type AffineRule, hasInput, listOperand, type NodeContext } from './node-context.ts';

/** Elements of a tensor that are reduced to one, for each element of the result. */
export interface Reduction {
  readonly shape: readonly number[];
  readonly isBatched: boolean;
  /** Number of elements that each result is of. */
  readonly count: number;
  /** As the columns of a `SparseMatrix` with `count` terms in each row. */
  readonly columns: Int32Array;
}

/** What a node reduces along its axes; undefined where they are not known or the batch is one of them. */
export function reductionOf(context: NodeContext): Reduction | undefined {
  const { node, boundsOf } = context;
  const x = boundsOf(node.inputs[0]);
  if (x === undefined) return undefined;
  const isGlobalPool = node.op.startsWith('Global');
  const given = isGlobalPool ? [...x.shape.keys()].slice(2) : listOperand(context, 1, 'axes');
  if (given === undefined && hasInput(node, 1)) return undefined;
  if (given?.length === 0 && numericAttribute(node, 'noop_with_empty_axes') === 1) return undefined;
  const axes = given === undefined || given.length === 0 ? [...x.shape.keys()] : given;
  const reduced = new Set(axes.map((axis) => axisAt(axis, x.shape.length)));
  if (reduced.has(undefined) || (x.isBatched && reduced.has(0))) return undefined;
  const keepsAxes = isGlobalPool || (numericAttribute(node, 'keepdims') ?? 1) === 1;
  const kept = x.shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  const size = sizeOf(kept);
  const count = size === 0 ? 0 : x.low.length / size;
  if (count === 0 || !context.canAfford(x.low.length)) return undefined;
  const groups = broadcastIndices(kept, x.shape);
  const columns = new Int32Array(x.low.length);
  const filled = new Int32Array(size);
  for (let i = 0; i < columns.length; i++) columns[groups[i] * count + filled[groups[i]]++] = i;
  const shape = keepsAxes ? kept : x.shape.filter((_, axis) => !reduced.has(axis));
  return { shape, isBatched: x.isBatched, count, columns };
}

const reduced =
  (isMean: boolean): AffineRule =>
  (context) => {
    const { node, typeOf } = context;
    const reduction = isFloat(typeOf(node.outputs[0])) ? reductionOf(context) : undefined;
    if (reduction === undefined) return undefined;
    const { shape, isBatched, count, columns } = reduction;
    const starts = Int32Array.from({ length: columns.length / count + 1 }, (_, j) => j * count);
    const weights = isMean ? new Float64Array(columns.length).fill(1 / count) : undefined;
    const terms = [{ tensor: node.inputs[0], matrix: { starts, columns, weights } }];
    return [{ shape, isBatched, terms, offset: undefined, isExact: false, partialScale: isMean ? count : 1 }];
  };

/** Rules of ONNX's sums and means along axes. */
export const REDUCTION_RULES: Readonly<Record<string, AffineRule>> = {
  ReduceSum: reduced(false),
  ReduceMean: reduced(true),
  GlobalAveragePool: reduced(true),
};
