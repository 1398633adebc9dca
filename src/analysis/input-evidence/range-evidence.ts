import type { GraphNode } from '../../model/graph/graph.ts';
import type { InputEvidence, IntervalEvidence, NormalizationEvidence } from '../../model/input-evidence.ts';
import type { Model } from '../../model/model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import type { AffinePrefix } from './affine-prefix.ts';
import { constantValues } from './first-readers.ts';
import { operationText, type PlacedNode } from './graph-flow.ts';

/** Tolerances: of 1/255, and of the ends that 0 and 255 are brought to. */
const FACTOR_TOLERANCE = 1e-3;
const END_TOLERANCE = 0.02;

/** What the first operations of a model say of the range of an input of `rank` dimensions, batch included. */
export function rangeEvidence(
  model: Pick<Model, 'graph' | 'constant'>,
  prefix: AffinePrefix,
  rank: number,
): Pick<InputEvidence, 'normalization' | 'interval'> {
  const levels = levelEvidence(prefix);
  if (levels !== undefined) return { interval: levels };
  const { reader } = prefix;
  const direct = reader && (normalizerEvidence(reader.node) ?? quantizerEvidence(model, prefix, reader));
  if (direct !== undefined) return { interval: direct };
  const normalization =
    (reader &&
      (batchNormEvidence(model, prefix, reader, rank) ?? scalerEvidence(prefix, reader.node, rank))) ??
    standardizationEvidence(prefix, rank);
  return normalization === undefined ? {} : { normalization };
}

/** Levels of 0 to 255, told by a leading division by 255, or by ends of −1 and 1 or 0 and 1 that they are brought to. */
function levelEvidence({ steps, factor, firstFactor, shift }: AffinePrefix): IntervalEvidence | undefined {
  const [first] = steps;
  if (first === undefined) return undefined;
  const near = (value: number, wanted: number): boolean => Math.abs(value - wanted) <= END_TOLERANCE;
  const endsFit = factor.every((a, i) => {
    const low = shift[shift.length === 1 ? 0 : i];
    const high = 255 * a + low;
    return near(high, 1) && (near(low, -1) || near(low, 0));
  });
  const isScaled = firstFactor.every((a) => Math.abs(255 * a - 1) < FACTOR_TOLERANCE);
  if (!endsFit && !isScaled) return undefined;
  return { by: steps.map(operationText).join(', '), low: 0, high: 255 };
}

/** Rows that ai.onnx.ml's Normalizer brings to length 1, whatever their scale. */
function normalizerEvidence(node: GraphNode): IntervalEvidence | undefined {
  return node.op === 'Normalizer' ? { by: operationText(node), low: -1, high: 1 } : undefined;
}

/** The values that a leading QuantizeLinear tells apart: calibration chose its scale by real inputs. */
function quantizerEvidence(
  model: Pick<Model, 'graph' | 'constant'>,
  { steps }: AffinePrefix,
  { node, graph }: PlacedNode,
): IntervalEvidence | undefined {
  if (node.op !== 'QuantizeLinear' || steps.length > 0) return undefined;
  const scale = constantValues(model, graph, node.inputs[1]);
  const zero = node.inputs[2] === undefined ? [0] : constantValues(model, graph, node.inputs[2]);
  const type = graph.types.get(node.inputs[2] ?? '') ?? 'uint8';
  if (scale?.length !== 1 || zero?.length !== 1 || DTYPES[type].kind !== 'int') return undefined;
  const { min, max } = DTYPES[type];
  return { by: operationText(node), low: (min - zero[0]) * scale[0], high: (max - zero[0]) * scale[0] };
}

function batchNormEvidence(
  model: Pick<Model, 'graph' | 'constant'>,
  prefix: AffinePrefix,
  { node, graph }: PlacedNode,
  rank: number,
): NormalizationEvidence | undefined {
  const isFused = node.op.startsWith('FusedBatchNorm');
  if (node.op !== 'BatchNormalization' && !isFused) return undefined;
  const mean = constantValues(model, graph, node.inputs[3]);
  const variance = constantValues(model, graph, node.inputs[4]);
  if (mean === undefined || variance?.length !== mean.length) return undefined;
  const epsilon = Number(node.attributes?.epsilon ?? 1e-5);
  const deviation = variance.map((value) => Math.sqrt(Math.max(0, value) + epsilon));
  return unscaled(prefix, operationText(node), mean, deviation, isFused ? rank - 1 : 1, rank);
}

/** Scaler of ai.onnx.ml: (x − offset) · scale, by column. */
function scalerEvidence(
  prefix: AffinePrefix,
  node: GraphNode,
  rank: number,
): NormalizationEvidence | undefined {
  const { offset, scale } = node.attributes ?? {};
  if (node.op !== 'Scaler' || !Array.isArray(offset) || !Array.isArray(scale)) return undefined;
  if (scale.length === 0 || scale.some((value) => value === 0)) return undefined;
  const mean = offset.length === scale.length ? offset : scale.map(() => offset[0] ?? 0);
  return unscaled(
    prefix,
    operationText(node),
    mean,
    scale.map((value) => 1 / Math.abs(value)),
    rank - 1,
    rank,
  );
}

/** Mean and deviation of x where those of y = factor · x + shift are known by channel. */
function unscaled(
  { factor, shift, keepsLayout, steps }: AffinePrefix,
  by: string,
  mean: readonly number[],
  deviation: readonly number[],
  axis: number,
  rank: number,
): NormalizationEvidence | undefined {
  if (factor.length > 1 && factor.length !== mean.length) return undefined;
  const at = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i];
  if (factor.some((value) => value === 0)) return undefined;
  return {
    by: [...steps.map(operationText), by].join(', '),
    mean: mean.map((value, i) => (value - at(shift, i)) / at(factor, i)),
    deviation: deviation.map((value, i) => value / Math.abs(at(factor, i))),
    axis: mean.length > 1 && keepsLayout && axis < rank ? axis : undefined,
  };
}

/** A mean that is taken away and a deviation that is divided by: both at the start of the model, as constants. */
function standardizationEvidence(
  { factor, shift, steps, axisFromEnd, keepsLayout }: AffinePrefix,
  rank: number,
): NormalizationEvidence | undefined {
  const ops = steps.map(({ op }) => op);
  const shifts = ops.some((op) => op === 'Sub' || op.startsWith('Add'));
  const scales = ops.some((op) => op === 'Mul' || op === 'Div' || op === 'RealDiv');
  if (!shifts || !scales || factor.some((value) => value === 0)) return undefined;
  const length = Math.max(factor.length, shift.length);
  const at = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i];
  const channels = Array.from({ length }, (_, i) => ({ a: at(factor, i), b: at(shift, i) }));
  return {
    by: steps.map(operationText).join(', '),
    mean: channels.map(({ a, b }) => (b === 0 ? 0 : -b / a)),
    deviation: channels.map(({ a }) => 1 / Math.abs(a)),
    axis: length > 1 && keepsLayout && axisFromEnd !== undefined ? rank - axisFromEnd : undefined,
  };
}
