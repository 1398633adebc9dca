import { argmax, toLogit } from '../objectives/output-difference.ts';

/** Losses over the logits that a gradient is taken of. */
export const LOSSES = ['cross-entropy', 'dlr', 'margin'] as const;

export type LossKind = (typeof LOSSES)[number];

/** Keeps the quotient of DLR finite where all logits are equal. */
const DLR_EPSILON = 1e-12;

/**
 * The gradient of a loss with respect to one row of scores.
 *
 * @param areShares whether they are softmax shares, whose logarithms are the logits
 * @returns zeros where a score is not finite
 */
export function lossGradient(
  loss: LossKind,
  values: Float64Array,
  label: number,
  areShares: boolean,
): Float32Array {
  const logits = values.map((value) => toLogit(value, areShares));
  if (!logits.every(Number.isFinite)) return new Float32Array(values.length);
  const gradient = GRADIENTS[loss](logits, label);
  if (areShares)
    for (let k = 0; k < gradient.length; k++) gradient[k] /= Math.exp(toLogit(values[k], areShares));
  return gradient;
}

const GRADIENTS: Readonly<Record<LossKind, (logits: Float64Array, label: number) => Float32Array>> = {
  'cross-entropy': crossEntropyGradient,
  dlr: dlrGradient,
  margin: marginGradient,
};

/** softmax − 1 at the label, each step in single precision as the usual libraries have it: 0 where the softmax is flat. */
function crossEntropyGradient(logits: Float64Array, label: number): Float32Array {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const shares = Float32Array.from(logits, (logit) => Math.exp(Math.fround(logit - largest)));
  const sum = shares.reduce((total, share) => Math.fround(total + share), 0);
  const gradient = shares.map((share) => share / sum);
  gradient[label] -= 1;
  return gradient;
}

/** The largest logit of a wrong class minus that of the label. */
function marginGradient(logits: Float64Array, label: number): Float32Array {
  const gradient = new Float32Array(logits.length);
  gradient[rivalOf(logits, label)] = 1;
  gradient[label] -= 1;
  return gradient;
}

/**
 * Difference of logits ratio, −(z_y − max other) / (z₁ − z₃), z sorted downwards (Croce & Hein 2020): it does not change where logits
 * are scaled. With two classes the numerator alone.
 */
function dlrGradient(logits: Float64Array, label: number): Float32Array {
  const slope = marginGradient(logits, label);
  if (logits.length < 3) return slope;
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a]);
  const [first, , third] = order;
  const range = logits[first] - logits[third] + DLR_EPSILON;
  const loss = (logits[rivalOf(logits, label)] - logits[label]) / range;
  const gradient = slope.map((part) => part / range);
  gradient[first] -= loss / range;
  gradient[third] += loss / range;
  return gradient;
}

/** The wrong class with the largest logit. */
function rivalOf(logits: Float64Array, label: number): number {
  return argmax(logits.with(label, Number.NEGATIVE_INFINITY));
}
