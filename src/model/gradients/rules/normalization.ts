import { type Differentiation, floatOf, integerOf, listOf, type Rule, upstreamOf } from '../rule.ts';
import { axesFrom, positiveAxis, type TensorWriter, type Value } from '../tensor-writer.ts';

/** The axes that a softmax adds up over: one from version 13 on, all from it on before. */
function softmaxAxes(at: Differentiation): number[] {
  const shape = at.inputShape(0);
  const axis = positiveAxis(integerOf(at, 'axis', at.opset < 13 ? 1 : -1), shape.length);
  return at.opset < 13 ? axesFrom(axis, shape) : [axis];
}

/** y·(g − Σ g·y). */
const softmax: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const y = at.result(0);
  return [w.mul(y, w.sub(g, w.reduceSum(w.mul(g, y), softmaxAxes(at))))];
};

/** g − eʸ·Σ g. */
const logSoftmax: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  return [w.sub(g, w.mul(w.unary('Exp', at.result(0)), w.reduceSum(g, softmaxAxes(at))))];
};

/** A tensor with variance 1 over some axes, and with mean 0 where it is centred; and what it was divided by. */
interface Normalized {
  readonly values: Value;
  readonly reciprocalDeviation: Value;
  readonly isCentred: boolean;
}

export function normalize(
  w: TensorWriter,
  x: Value,
  axes: readonly number[],
  epsilon: number,
  isCentred = true,
): Normalized {
  const centred = isCentred ? w.sub(x, w.reduceMean(x, axes)) : x;
  const variance = w.reduceMean(w.mul(centred, centred), axes);
  const reciprocalDeviation = w.unary('Reciprocal', w.unary('Sqrt', w.add(variance, w.scalar(epsilon))));
  return { values: w.mul(centred, reciprocalDeviation), reciprocalDeviation, isCentred };
}

/** (g − mean g − n·mean(g·n))/σ, n being the normalized values and g the gradient at them; the mean of g only where n is centred. */
export function normalizationGradient(
  w: TensorWriter,
  g: Value,
  { values, reciprocalDeviation, isCentred }: Normalized,
  axes: readonly number[],
): Value {
  const moved = isCentred ? w.sub(g, w.reduceMean(g, axes)) : g;
  const stretch = w.mul(values, w.reduceMean(w.mul(g, values), axes));
  return w.mul(w.sub(moved, stretch), reciprocalDeviation);
}

/** Gradients of x, scale and bias, where the scale is laid out as `scaleShape` against the normalized values. */
function scaledNormalization(
  at: Differentiation,
  x: Value,
  axes: readonly number[],
  scaleShape: readonly number[],
): (Value | undefined)[] {
  const { writer: w } = at;
  const normalized = normalize(w, x, axes, floatOf(at, 'epsilon', 1e-5));
  const g = w.reshape(upstreamOf(at), x.shape);
  const scale = w.reshape(at.operand(1), scaleShape);
  const gradients: (Value | undefined)[] = [];
  if (at.wants(0))
    gradients[0] = w.reshape(normalizationGradient(w, w.mul(g, scale), normalized, axes), at.inputShape(0));
  if (at.wants(1))
    gradients[1] = w.reshape(w.reduceTo(w.mul(g, normalized.values), scaleShape), at.inputShape(1));
  if (at.wants(2)) gradients[2] = w.reshape(w.reduceTo(g, scaleShape), at.inputShape(2));
  return gradients;
}

const layerNormalization: Rule = (at) => {
  if (at.upstream(1) !== undefined || at.upstream(2) !== undefined) return undefined;
  const shape = at.inputShape(0);
  const axis = positiveAxis(integerOf(at, 'axis', -1), shape.length);
  return scaledNormalization(at, at.operand(0), axesFrom(axis, shape), at.inputShape(1));
};

const instanceNormalization: Rule = (at) => {
  const shape = at.inputShape(0);
  const scaleShape = shape.map((size, i) => (i === 1 ? size : 1));
  return scaledNormalization(at, at.operand(0), axesFrom(2, shape), scaleShape);
};

/** Groups of channels are normalized; before version 21 there is a scale a group, then one a channel. */
const groupNormalization: Rule = (at) => {
  const [batch, channels, ...space] = at.inputShape(0);
  const groups = integerOf(at, 'num_groups', 1);
  const grouped = [batch, groups, channels / groups, ...space];
  const perGroup = at.inputShape(1)[0] === groups && groups !== channels;
  const scaleShape = [1, groups, perGroup ? 1 : channels / groups, ...space.map(() => 1)];
  return scaledNormalization(at, at.writer.reshape(at.operand(0), grouped), axesFrom(2, grouped), scaleShape);
};

/** x / √(mean x² + ε) · scale. */
const rmsNormalization: Rule = (at) => {
  const { writer: w } = at;
  const shape = at.inputShape(0);
  const axes = axesFrom(positiveAxis(integerOf(at, 'axis', -1), shape.length), shape);
  const normalized = normalize(w, at.operand(0), axes, floatOf(at, 'epsilon', 1e-5), false);
  const g = upstreamOf(at);
  return [
    at.wants(0) ? normalizationGradient(w, w.mul(g, at.operand(1)), normalized, axes) : undefined,
    at.wants(1) ? w.reduceTo(w.mul(g, normalized.values), at.inputShape(1)) : undefined,
  ];
};

/** (x − mean)/(σ + 10⁻⁹), as the function of the operator set has it. */
const meanVarianceNormalization: Rule = (at) => {
  const { writer: w } = at;
  const rank = at.inputShape(0).length;
  const axes = (listOf(at, 'axes') ?? [0, 2, 3]).map((axis) => positiveAxis(axis, rank));
  return [normalizationGradient(w, upstreamOf(at), normalize(w, at.operand(0), axes, 0), axes)];
};

/** In inference a batch normalization is a scale and a shift of each channel. */
const batchNormalization: Rule = (at) => {
  if (integerOf(at, 'training_mode', 0) !== 0 || [1, 2, 3, 4].some((i) => at.wants(i))) return undefined;
  const { writer: w } = at;
  const variance = w.add(at.operand(4), w.scalar(floatOf(at, 'epsilon', 1e-5)));
  const factor = w.div(at.operand(1), w.unary('Sqrt', variance));
  const perChannel = at.inputShape(0).map((size, i) => (i === 1 ? size : 1));
  return [w.mul(upstreamOf(at), w.reshape(factor, perChannel))];
};

/** x / ‖x‖ along an axis: (g − y·Σ g·y)/‖x‖ for the Euclidean norm, (g − sgn x·Σ g·y)/‖x‖ for the sum of magnitudes. */
export const lpNormalization: Rule = (at) => {
  const { writer: w } = at;
  const x = at.operand(0);
  const y = at.result(0);
  const g = upstreamOf(at);
  const axes = [positiveAxis(integerOf(at, 'axis', -1), x.shape.length)];
  const isEuclidean = integerOf(at, 'p', 2) === 2;
  const norm = isEuclidean
    ? w.unary('Sqrt', w.reduceSum(w.mul(x, x), axes))
    : w.reduceSum(w.unary('Abs', x), axes);
  const slope = isEuclidean ? y : w.unary('Sign', x);
  return [w.div(w.sub(g, w.mul(slope, w.reduceSum(w.mul(g, y), axes))), norm)];
};

/** x·(k + α/n·Σ x²)^(−β), the sum being over a window of n channels. */
const localResponseNormalization: Rule = (at) => {
  const { writer: w } = at;
  const size = integerOf(at, 'size', 1);
  const [alpha, beta] = [floatOf(at, 'alpha', 1e-4), floatOf(at, 'beta', 0.75)];
  const x = at.operand(0);
  const y = at.result(0);
  const channels = x.shape[1];
  const before = Math.floor((size - 1) / 2);
  const window = new Float32Array(channels * channels);
  // By row the channel that reads, by column those in its window.
  for (let reader = 0; reader < channels; reader++)
    for (let c = Math.max(0, reader - before); c <= Math.min(channels - 1, reader + size - 1 - before); c++)
      window[reader * channels + c] = 1;
  const flat = [x.shape[0], channels, x.shape.slice(2).reduce((product, d) => product * d, 1)];
  const matrix = w.floats(window, [channels, channels]);
  const flatX = w.reshape(x, flat);
  const sums = w.matmul(matrix, w.mul(flatX, flatX));
  const base = w.add(w.scale(sums, alpha / size), w.scalar(floatOf(at, 'bias', 1)));
  const g = w.reshape(upstreamOf(at), flat);
  const direct = w.mul(g, w.pow(base, w.scalar(-beta)));
  const spread = w.matmul(w.transposeMatrix(matrix), w.div(w.mul(g, w.reshape(y, flat)), base));
  const indirect = w.scale(w.mul(flatX, spread), (-2 * alpha * beta) / size);
  return [w.reshape(w.add(direct, indirect), x.shape)];
};

export const NORMALIZATION_RULES: Readonly<Record<string, Rule>> = {
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  BatchNormalization: batchNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponseNormalization,
};
