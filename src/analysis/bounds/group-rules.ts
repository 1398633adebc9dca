import { DTYPES } from '../../tensor/tensor.ts';
import { ROUNDING_ERROR, smallestNormal, sumError } from '../numerical-sites/interval.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { axisAt, type ElementBounds, magnitudeAt, makeBounds } from './element-bounds.ts';
import { matrixProduct } from './matrix-bounds.ts';
import type { NodeContext } from './node-context.ts';
import { reductionOf } from './reduction-rules.ts';
import { pooledElements } from './window-rules.ts';

/** Bounds of an operation's first result, each element of which is of a group of the first operand's. */
export type GroupRule = (context: NodeContext) => ElementBounds | undefined;

/** A result that is the largest or smallest element of each group. */
const extreme =
  (choose: (a: number, b: number) => number): GroupRule =>
  (context) => {
    const x = context.boundsOf(context.node.inputs[0]);
    const reduction = reductionOf(context);
    if (x === undefined || reduction === undefined) return undefined;
    const { count, columns } = reduction;
    const bounds = makeBounds(reduction);
    for (let j = 0; j < bounds.low.length; j++) {
      bounds.low[j] = x.low[columns[j * count]];
      bounds.high[j] = x.high[columns[j * count]];
      for (let k = j * count + 1; k < (j + 1) * count; k++) {
        bounds.low[j] = choose(bounds.low[j], x.low[columns[k]]);
        bounds.high[j] = choose(bounds.high[j], x.high[columns[k]]);
      }
    }
    return bounds;
  };

const maxPool: GroupRule = (context) => {
  const x = context.boundsOf(context.node.inputs[0]);
  const pooled = x && pooledElements(context, x);
  if (x === undefined || pooled === undefined || numericAttribute(context.node, 'storage_order') === 1)
    return undefined;
  if (pooled.windows.some(({ length }) => length === 0)) return undefined;
  const bounds = makeBounds({ shape: pooled.shape, isBatched: x.isBatched });
  pooled.windows.forEach((sources, j) => {
    bounds.low[j] = Number.NEGATIVE_INFINITY;
    bounds.high[j] = Number.NEGATIVE_INFINITY;
    for (const source of sources) {
      bounds.low[j] = Math.max(bounds.low[j], x.low[source]);
      bounds.high[j] = Math.max(bounds.high[j], x.high[source]);
    }
  });
  return bounds;
};

/** Sums of magnitudes, of squares, or the roots of those, of each group. */
const norm =
  (isSquare: boolean, isRoot: boolean): GroupRule =>
  (context) => {
    const { node, boundsOf, typeOf } = context;
    const x = boundsOf(node.inputs[0]);
    const type = typeOf(node.outputs[0]);
    const reduction = reductionOf(context);
    if (x === undefined || reduction === undefined || (type !== 'float32' && type !== 'float64'))
      return undefined;
    const { count, columns } = reduction;
    const share = sumError(count + 1, type);
    // Squares may underflow.
    const slack = (count + 1) * smallestNormal(type);
    const term = (value: number): number => (isSquare ? value * value : value);
    const bounds = makeBounds(reduction);
    for (let j = 0; j < bounds.low.length; j++) {
      let low = 0;
      let high = 0;
      for (let k = j * count; k < (j + 1) * count; k++) {
        const i = columns[k];
        const crosses = x.low[i] <= 0 && x.high[i] >= 0;
        low += crosses ? 0 : term(Math.min(Math.abs(x.low[i]), Math.abs(x.high[i])));
        high += term(magnitudeAt(x, i));
      }
      low = Math.max(0, low * (1 - share) - slack);
      high = high * (1 + share) + slack;
      if (high > DTYPES[type].max) high = Number.POSITIVE_INFINITY;
      bounds.low[j] = isRoot ? Math.sqrt(low) * (1 - ROUNDING_ERROR) : low;
      bounds.high[j] = isRoot ? Math.sqrt(high) * (1 + ROUNDING_ERROR) : high;
    }
    return bounds;
  };

/** Below it a share is taken for zero: runtimes flush an exponential whose logarithm is below −87 or −104. */
const SMALLEST_SHARE = 2 ** -110;

/**
 * Each share 1 / (1 + Σ exp(xⱼ − xᵢ)) at the corner of the box where it is smallest, and where it is largest; or its logarithm.
 */
const softmax =
  (isLog: boolean): GroupRule =>
  (context) => {
    const { node, boundsOf, typeOf, canAfford } = context;
    const x = boundsOf(node.inputs[0]);
    if (x === undefined || typeOf(node.outputs[0]) !== 'float32') return undefined;
    const rank = x.shape.length;
    // Before version 13 all axes from one on were normalised together.
    const axis = axisAt(numericAttribute(node, 'axis') ?? (rank === 2 ? 1 : Number.NaN), rank);
    const length = x.shape[rank - 1];
    if (axis !== rank - 1 || (x.isBatched && rank === 1) || !canAfford(x.low.length * length))
      return undefined;
    const bounds = makeBounds(x);
    for (let row = 0; row < x.low.length / length; row++) shareBounds(x, bounds, row * length, length, isLog);
    return bounds;
  };

function shareBounds(
  x: ElementBounds,
  bounds: ElementBounds,
  from: number,
  length: number,
  isLog: boolean,
): void {
  let magnitude = 0;
  for (let i = from; i < from + length; i++) magnitude = Math.max(magnitude, magnitudeAt(x, i));
  if (!Number.isFinite(magnitude)) {
    bounds.low.fill(Number.NEGATIVE_INFINITY, from, from + length);
    bounds.high.fill(Number.POSITIVE_INFINITY, from, from + length);
    return;
  }
  for (let i = from; i < from + length; i++) {
    let most = 0;
    let least = 0;
    for (let j = from; j < from + length; j++) {
      if (j === i) continue;
      most += Math.exp(x.high[j] - x.low[i]);
      least += Math.exp(x.low[j] - x.high[i]);
    }
    // The exponent's rounding is an error of the share relative to it.
    const share = (1 + 2 * magnitude) * ROUNDING_ERROR + sumError(length, 'float32');
    if (isLog) {
      // Errors are relative to the logarithm and to the exponents.
      const [low, high] = [Math.log1p(most), Math.log1p(Math.min(least, Number.MAX_VALUE))];
      bounds.low[i] = -low - share * (1 + low);
      bounds.high[i] = -high + share * (1 + high);
    } else {
      const low = (1 - share) / (1 + most);
      bounds.low[i] = low > SMALLEST_SHARE ? low : 0;
      bounds.high[i] = (1 + share) / (1 + least);
    }
  }
}

/** Rules of ONNX's operations on groups of elements. */
export const GROUP_RULES: Readonly<Record<string, GroupRule>> = {
  ReduceMax: extreme(Math.max),
  ReduceMin: extreme(Math.min),
  GlobalMaxPool: extreme(Math.max),
  MaxPool: maxPool,
  ReduceL1: norm(false, false),
  ReduceL2: norm(true, true),
  ReduceSumSquare: norm(true, false),
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
  MatMul: matrixProduct,
};
