import { type Differentiation, floatOf, integerOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import type { Value } from '../tensor-writer.ts';

/** How one axis is resampled. */
interface AxisResampling {
  readonly input: number;
  readonly output: number;
  /** Output size over input size, as the model gives it. */
  readonly scale: number;
}

/** The settings of a Resize, with their defaults. */
interface Resampling {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludesOutside: boolean;
}

/**
 * A Resize is a linear map along each axis by itself; the gradient is multiplied by the transposed matrices. An axis that is
 * repeated a whole number of times is summed instead, which costs less.
 */
const resize: Rule = (at) => {
  const settings: Resampling = {
    mode: textOf(at, 'mode', 'nearest'),
    coordinates: textOf(
      at,
      'coordinate_transformation_mode',
      at.node.op === 'Upsample' ? 'asymmetric' : 'half_pixel',
    ),
    nearest: textOf(at, 'nearest_mode', at.node.op === 'Upsample' ? 'floor' : 'round_prefer_floor'),
    cubic: floatOf(at, 'cubic_coeff_a', -0.75),
    excludesOutside: integerOf(at, 'exclude_outside', 0) !== 0,
  };
  if (settings.coordinates === 'tf_crop_and_resize' || integerOf(at, 'antialias', 0) !== 0) return undefined;
  const axes = axesOf(at);
  if (axes === undefined) return undefined;
  return [axes.reduce((g, axis, i) => resampleBack(at, g, i, axis, settings), upstreamOf(at))];
};

function axesOf(at: Differentiation): readonly AxisResampling[] | undefined {
  const input = at.inputShape(0);
  const output = at.outputShape(0);
  const scaleInput = at.node.op === 'Upsample' ? 1 : 2;
  const scales = at.hasInput(scaleInput) ? at.numbers(scaleInput) : [];
  if (scales === undefined) return undefined;
  const hasScales = scales.length === input.length;
  if (scales.length > 0 && !hasScales) return undefined;
  return input.map((size, i) => ({
    input: size,
    output: output[i],
    scale: hasScales ? scales[i] : output[i] / size,
  }));
}

function resampleBack(
  at: Differentiation,
  g: Value,
  axis: number,
  resampling: AxisResampling,
  settings: Resampling,
): Value {
  const { input, output } = resampling;
  if (input === output && resampling.scale === 1) return g;
  const { writer: w } = at;
  const rows = Array.from({ length: output }, (_, position) => weightsAt(position, resampling, settings));
  const times = output / input;
  const before = g.shape.slice(0, axis);
  const behind = g.shape.slice(axis + 1);
  const isRepeated = rows.every(
    (weights, i) => weights.length === 1 && weights[0].index === Math.floor(i / times),
  );
  if (Number.isInteger(times) && isRepeated) {
    const grouped = w.reshape(g, [...before, input, times, ...behind]);
    return w.reshape(w.reduceSum(grouped, [axis + 1]), [...before, input, ...behind]);
  }
  const matrix = new Float32Array(input * output);
  rows.forEach((weights, position) => {
    for (const { index, weight } of weights) matrix[index * output + position] += weight;
  });
  const size = (shape: readonly number[]): number => shape.reduce((product, d) => product * d, 1);
  const flat = w.reshape(g, [size(before), output, size(behind)]);
  return w.reshape(w.matmul(w.floats(matrix, [input, output]), flat), [...before, input, ...behind]);
}

interface Weight {
  readonly index: number;
  readonly weight: number;
}

/** The input values that an output value is made of. */
function weightsAt(position: number, axis: AxisResampling, settings: Resampling): readonly Weight[] {
  const x = sourcePosition(position, axis, settings.coordinates);
  const last = axis.input - 1;
  const clamp = (index: number): number => Math.min(last, Math.max(0, index));
  if (settings.mode === 'nearest') return [{ index: clamp(nearestIndex(x, settings.nearest)), weight: 1 }];
  const low = Math.floor(settings.mode === 'linear' ? Math.min(last, Math.max(0, x)) : x);
  if (settings.mode === 'linear') {
    const fraction = Math.min(last, Math.max(0, x)) - low;
    return [
      { index: low, weight: 1 - fraction },
      { index: clamp(low + 1), weight: fraction },
    ];
  }
  const taps = [-1, 0, 1, 2].map((offset) => ({
    index: low + offset,
    weight: cubicWeight(x - low - offset, settings.cubic),
  }));
  if (!settings.excludesOutside) return taps.map(({ index, weight }) => ({ index: clamp(index), weight }));
  const inside = taps.filter(({ index }) => index >= 0 && index <= last);
  const total = inside.reduce((sum, { weight }) => sum + weight, 0);
  return inside.map(({ index, weight }) => ({ index, weight: weight / total }));
}

function sourcePosition(position: number, { input, output, scale }: AxisResampling, mode: string): number {
  switch (mode) {
    case 'asymmetric':
      return position / scale;
    case 'align_corners':
      return output === 1 ? 0 : (position * (input - 1)) / (output - 1);
    case 'pytorch_half_pixel':
      return output > 1 ? (position + 0.5) / scale - 0.5 : 0;
    case 'tf_half_pixel_for_nn':
      return (position + 0.5) / scale;
    case 'half_pixel_symmetric': {
      const adjustment = output / (scale * input);
      const offset = (input / 2) * (1 - adjustment);
      return offset + (position + 0.5) / scale - 0.5;
    }
    default:
      return (position + 0.5) / scale - 0.5;
  }
}

function nearestIndex(x: number, mode: string): number {
  if (mode === 'floor') return Math.floor(x);
  if (mode === 'ceil') return Math.ceil(x);
  return mode === 'round_prefer_ceil' ? Math.floor(x + 0.5) : Math.ceil(x - 0.5);
}

/** Keys' cubic kernel with the coefficient a. */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

export const RESIZE_RULES: Readonly<Record<string, Rule>> = { Resize: resize, Upsample: resize };
