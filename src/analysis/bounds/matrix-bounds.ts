import { DTYPES, sizeOf } from '../../tensor/tensor.ts';
import { smallestNormal, sumError } from '../numerical-sites/interval.ts';
import {
  broadcastIndices,
  broadcastShape,
  type ElementBounds,
  type ElementShape,
  isFloat,
  magnitudeAt,
  makeBounds,
} from './element-bounds.ts';
import type { NodeContext } from './node-context.ts';

/** The axes of matrices that are stacked: all but the last two. Undefined where the batch is among those two. */
function stackOf({ shape, isBatched }: ElementShape): ElementShape | undefined {
  return shape.length < (isBatched ? 3 : 2) ? undefined : { shape: shape.slice(0, -2), isBatched };
}

/** Bounds of a product of two matrices that are both computed. */
export function matrixProduct(context: NodeContext): ElementBounds | undefined {
  const { node, boundsOf, typeOf, canAfford } = context;
  const [a, b] = [boundsOf(node.inputs[0]), boundsOf(node.inputs[1])];
  const type = typeOf(node.outputs[0]);
  const [aStack, bStack] = [a && stackOf(a), b && stackOf(b)];
  if (a === undefined || b === undefined || aStack === undefined || bStack === undefined || !isFloat(type))
    return undefined;
  const stack = broadcastShape([aStack, bStack]);
  const [rows, inner] = a.shape.slice(-2);
  const [length, columns] = b.shape.slice(-2);
  if (stack === undefined || length !== inner) return undefined;
  const aOf = broadcastIndices(aStack.shape, stack.shape);
  const bOf = broadcastIndices(bStack.shape, stack.shape);
  const size = sizeOf(stack.shape) * rows * columns;
  if (!canAfford(size * inner)) return undefined;
  const bounds = makeBounds({ shape: [...stack.shape, rows, columns], isBatched: stack.isBatched });
  const share = sumError(inner, type);
  const normal = smallestNormal(type);
  for (let j = 0; j < size; j++) {
    const s = Math.floor(j / (rows * columns));
    const aStart = (aOf[s] * rows + (Math.floor(j / columns) % rows)) * inner;
    const bStart = bOf[s] * inner * columns + (j % columns);
    let low = 0;
    let high = 0;
    let magnitude = 0;
    let steepness = inner;
    for (let k = 0; k < inner; k++) {
      const [p, q] = [aStart + k, bStart + k * columns];
      const products = [
        a.low[p] * b.low[q],
        a.low[p] * b.high[q],
        a.high[p] * b.low[q],
        a.high[p] * b.high[q],
      ];
      low += Math.min(...products);
      high += Math.max(...products);
      magnitude += magnitudeAt(a, p) * magnitudeAt(b, q);
      steepness += magnitudeAt(a, p) + magnitudeAt(b, q);
    }
    const slack = magnitude * share + steepness * normal;
    const isKnown = magnitude <= DTYPES[type].max;
    bounds.low[j] = isKnown ? low - slack : Number.NEGATIVE_INFINITY;
    bounds.high[j] = isKnown ? high + slack : Number.POSITIVE_INFINITY;
  }
  return bounds;
}
