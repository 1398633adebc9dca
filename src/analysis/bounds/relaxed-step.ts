import { DTYPES, type DType, readNumber, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { ROUNDING_ERROR, smallestNormal } from '../numerical-sites/interval.ts';
import { broadcastIndices, type ElementBounds, isFloat, magnitudeAt } from './element-bounds.ts';
import type { NodeContext } from './node-context.ts';
import { linesOver, OWN_SLACK, type RelaxedFunction } from './relaxed-function.ts';
import {
  COPY,
  limited,
  limitedAbove,
  limitedBelow,
  RECIPROCAL,
  relaxedFunction,
  SQUARE,
} from './unary-relaxations.ts';

/** A lower or an upper plane of each element: Σ slopes · operands + offset. */
export interface Planes {
  /** Of each operand, a slope for each element. */
  readonly slopes: readonly Float64Array[];
  readonly offset: Float64Array;
}

/** An elementwise result between two planes over its operands, errors of the runtime included. */
export interface RelaxedStep {
  /** Elements of the operands that each element of the result is computed from. */
  readonly operands: readonly { readonly tensor: string; readonly indices: Int32Array }[];
  readonly lower: Planes;
  readonly upper: Planes;
}

function makePlanes(operands: number, size: number): Planes {
  return {
    slopes: Array.from({ length: operands }, () => new Float64Array(size)),
    offset: new Float64Array(size),
  };
}

/** Bound on the rounding error of a result, and of flushing its operands to zero. */
function roundingError(result: ElementBounds, type: DType, j: number, steepness: number): number {
  const share = type === 'float16' ? 2 ** -8 : ROUNDING_ERROR;
  return magnitudeAt(result, j) * share + (1 + steepness) * smallestNormal(type);
}

const isFiniteAt = ({ low, high }: ElementBounds, i: number): boolean =>
  Number.isFinite(low[i]) && Number.isFinite(high[i]);

/** The single number of a constant; undefined for others. */
function numberOf(tensor: Tensor | undefined): number | undefined {
  return tensor?.data.length === 1 ? readNumber(tensor.type, tensor.data, 0) : undefined;
}

/**
 * The planes between which an elementwise operation's result lies; undefined where they are not known. An element whose bounds
 * are not finite has planes of infinite offset.
 *
 * @param result bounds of the result
 */
export function relaxedStep(context: NodeContext, result: ElementBounds): RelaxedStep | undefined {
  const { node, typeOf, constant } = context;
  const type = typeOf(node.outputs[0]);
  const [first, second] = node.inputs;
  if (!isFloat(type) || !isFloat(typeOf(first))) return undefined;
  switch (node.op) {
    case 'Cast':
      return unaryStep(context, first, COPY, result, type);
    case 'Clip': {
      const [least, most] = [boundOf(context, 1, 'min'), boundOf(context, 2, 'max')];
      return least === undefined || most === undefined || least > most
        ? undefined
        : unaryStep(context, first, limited(least, most), result, type);
    }
    case 'Max':
    case 'Maximum':
    case 'Min':
    case 'Minimum': {
      if (node.inputs.length !== 2) return undefined;
      // The limit is the constant that is one number, and the operand is the other input, whatever that is.
      const isFirst = numberOf(constant(first)) !== undefined;
      const number = numberOf(constant(isFirst ? first : second));
      const operand = isFirst ? second : first;
      const limit = node.op.startsWith('Max') ? limitedBelow : limitedAbove;
      return number === undefined ? undefined : unaryStep(context, operand, limit(number), result, type);
    }
    case 'Pow':
      return numberOf(constant(second)) === 2 ? unaryStep(context, first, SQUARE, result, type) : undefined;
    case 'Mul':
      // A layer may multiply more than two.
      if (node.inputs.length !== 2) return undefined;
      return first === second
        ? unaryStep(context, first, SQUARE, result, type)
        : productStep(context, result, type);
    case 'Div':
    case 'RealDiv':
      return productStep(context, result, type);
    default: {
      const relaxed = relaxedFunction(node);
      return relaxed && unaryStep(context, first, relaxed, result, type);
    }
  }
}

/** A bound of a Clip; infinite where there is none, undefined where it is not known. */
function boundOf({ node, constant }: NodeContext, index: number, name: 'min' | 'max'): number | undefined {
  const input = node.inputs[index];
  if (input !== undefined && input !== '') return numberOf(constant(input));
  const value = node.attributes?.[name];
  if (typeof value === 'number') return value;
  return name === 'min' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function unaryStep(
  { boundsOf, typeOf }: NodeContext,
  tensor: string,
  relaxed: RelaxedFunction,
  result: ElementBounds,
  type: DType,
): RelaxedStep | undefined {
  const x = boundsOf(tensor);
  if (x === undefined) return undefined;
  const size = sizeOf(result.shape);
  const indices = broadcastIndices(x.shape, result.shape);
  const [lower, upper] = [makePlanes(1, size), makePlanes(1, size)];
  const least = smallestNormal(typeOf(tensor) ?? type);
  for (let j = 0; j < size; j++) {
    const [low, high] = [x.low[indices[j]], x.high[indices[j]]];
    const isKnown = isFiniteAt(x, indices[j]) && isFiniteAt(result, j);
    const isSingular = relaxed.isSingularAtZero === true && low < least && high > -least;
    const lines = isKnown && !isSingular ? linesOver(relaxed, low, high) : undefined;
    const steepness = Math.max(Math.abs(lines?.lower.slope ?? 0), Math.abs(lines?.upper.slope ?? 0));
    const error = roundingError(result, type, j, steepness) + relaxed.approximation;
    lower.slopes[0][j] = lines?.lower.slope ?? 0;
    upper.slopes[0][j] = lines?.upper.slope ?? 0;
    // Where there is no line, the bounds of the result are what is known.
    lower.offset[j] = lines === undefined ? result.low[j] : lines.lower.offset - error;
    upper.offset[j] = lines === undefined ? result.high[j] : lines.upper.offset + error;
  }
  return { operands: [{ tensor, indices }], lower, upper };
}

/** The mean of the two planes of McCormick's envelope of x · y (Math. Programming 10, 1976) below, or above. */
function envelope(
  [a, b]: readonly [number, number],
  [c, d]: readonly [number, number],
  isUpper: boolean,
): readonly [x: number, y: number, offset: number] {
  const offset = isUpper ? (a * d + b * c) / 2 : (a * c + b * d) / 2;
  return [(c + d) / 2, (a + b) / 2, -offset];
}

/** x · y, or x / y with a divisor of one sign. */
function productStep(context: NodeContext, result: ElementBounds, type: DType): RelaxedStep | undefined {
  const { node, boundsOf } = context;
  const [x, y] = [boundsOf(node.inputs[0]), boundsOf(node.inputs[1])];
  if (x === undefined || y === undefined || node.inputs.length !== 2) return undefined;
  const isQuotient = node.op !== 'Mul';
  const size = sizeOf(result.shape);
  const xIndices = broadcastIndices(x.shape, result.shape);
  const yIndices = broadcastIndices(y.shape, result.shape);
  const [lower, upper] = [makePlanes(2, size), makePlanes(2, size)];
  const least = smallestNormal(type);
  for (let j = 0; j < size; j++) {
    const [i, k] = [xIndices[j], yIndices[j]];
    lower.offset[j] = result.low[j];
    upper.offset[j] = result.high[j];
    if (!isFiniteAt(x, i) || !isFiniteAt(y, k) || !isFiniteAt(result, j)) continue;
    if (isQuotient && y.low[k] < least && y.high[k] > -least) continue;
    const xs = [x.low[i], x.high[i]] as const;
    const factor = isQuotient ? ([1 / y.high[k], 1 / y.low[k]] as const) : ([y.low[k], y.high[k]] as const);
    const lines = isQuotient ? linesOver(RECIPROCAL, y.low[k], y.high[k]) : undefined;
    const largest = Math.max(...xs.map(Math.abs)) * Math.max(...factor.map(Math.abs));
    if (!Number.isFinite(largest) || largest > DTYPES[type].max || (isQuotient && lines === undefined))
      continue;
    for (const [planes, isUpper] of [
      [lower, false],
      [upper, true],
    ] as const) {
      const [slope, factorSlope, offset] = envelope(xs, factor, isUpper);
      // The reciprocal is above one of its lines and below the other.
      const line = factorSlope > 0 === isUpper ? lines?.upper : lines?.lower;
      const steepness = Math.abs(slope) + Math.abs(factorSlope * (line?.slope ?? 1));
      const lineMagnitude = Math.abs(factorSlope * (line?.offset ?? 0));
      const error = roundingError(result, type, j, steepness) + (4 * largest + 2 * lineMagnitude) * OWN_SLACK;
      planes.slopes[0][j] = slope;
      planes.slopes[1][j] = factorSlope * (line?.slope ?? 1);
      planes.offset[j] = offset + factorSlope * (line?.offset ?? 0) + (isUpper ? error : -error);
    }
  }
  return {
    operands: [
      { tensor: node.inputs[0], indices: xIndices },
      { tensor: node.inputs[1], indices: yIndices },
    ],
    lower,
    upper,
  };
}
