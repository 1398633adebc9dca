import { KINDS_BY_OP } from './site-kinds.ts';

/** The usual repair of an operation that computes NaN or infinity, for people. */
export interface Repair {
  /** Sentences that say what to change in the model. */
  readonly text: string;
  /** Literature or documentation that describes the repair. */
  readonly source?: string;
}

const LOG_SUM_EXP =
  'Blanchard, Higham & Higham, Accurately computing the log-sum-exp and softmax functions (2021)';
const NORM = 'Blue, A portable Fortran program to find the Euclidean norm of a vector (ACM TOMS 4, 1978)';
const HALF = 'Micikevicius et al., Mixed Precision Training (2018), section 3.3';

/** The usual repair for each kind of site, by the kind's name. */
export const REPAIRS: Readonly<Record<string, Repair>> = {
  softplus: {
    text: 'Compute softplus as max(x, 0) + log1p(exp(−|x|)), or use the operator Softplus.',
    source: 'Mächler, log1mexp (2012), section 2',
  },
  'log-softmax': {
    text: 'Compute LogSoftmax of the logits instead of the logarithm of a softmax.',
    source: LOG_SUM_EXP,
  },
  variance: {
    text: 'Compute the variance as mean((x − mean(x))²), which cannot be negative, and add an epsilon before the root or the division.',
    source: 'Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 1.9',
  },
  'l2-norm': {
    text: 'Divide by max(norm, epsilon) instead of the norm.',
    source: 'PyTorch documentation, torch.nn.functional.normalize',
  },
  'integer-division': {
    text: 'Make sure that the divisor is not zero: replace zeros by 1 before the division, and select the result for them with Where.',
  },
  log: {
    text: 'Clip the operand to a small positive number before the logarithm: log(max(x, epsilon)). If the operand is a probability, use a loss function that takes logits.',
    source: 'PyTorch documentation, torch.nn.BCEWithLogitsLoss',
  },
  log1p: { text: 'Clip the operand to −1 + epsilon or more before log1p.' },
  exp: {
    text: 'Subtract the maximum before the exponential, or clip the operand below ln max (88.7 in single, 11.09 in half precision).',
    source: LOG_SUM_EXP,
  },
  expm1: { text: 'Clip the operand below ln max (88.7 in single, 11.09 in half precision).' },
  sqrt: {
    text: 'Clip the operand before the root: sqrt(max(x, 0)). In a model that is trained, use max(x, epsilon): the derivative of the root at zero is infinite.',
  },
  rsqrt: { text: 'Add an epsilon to the operand, or clip it: rsqrt(max(x, epsilon)).' },
  pow: {
    text: 'Clip the base to an epsilon or more if the exponent is negative or not a whole number, and clip it from above if the power overflows.',
  },
  div: {
    text: 'Add an epsilon to the denominator, or clip it away from zero. If zero by zero has a meaning, as the mean of nothing, replace the denominator by 1 and select the result for it with Where.',
  },
  reciprocal: { text: 'Add an epsilon to the operand, or clip it away from zero.' },
  mod: { text: 'Make sure that the divisor is not zero: replace zeros by 1 before the operation.' },
  'softmax-mask': {
    text: 'Mask with a large negative finite number, such as −10⁴, instead of −∞, or leave out rows in which every position is masked.',
  },
  'log-softmax-range': {
    text: 'Keep the logits small: normalise the layer before them, or clip them. Logits of this size usually come from inputs or weights that are not normalised.',
  },
  asin: { text: 'Clip the operand to [−1, 1]: rounding can move a cosine slightly beyond it.' },
  atanh: { text: 'Clip the operand to [−1 + epsilon, 1 − epsilon].' },
  acosh: { text: 'Clip the operand to 1 or more.' },
  sinh: { text: 'Clip the operand below ln(2 max) in magnitude (89.4 in single precision).' },
  tan: {
    text: 'Clip the operand away from π/2 + kπ, or use the sine and the cosine of the angle instead of its tangent.',
  },
  normalisation: {
    text: 'Set the epsilon of the normalisation, usually 10⁻⁵: without it, equal values are divided by a variance of zero.',
    source: 'Ba, Kiros & Hinton, Layer Normalization (2016)',
  },
  'batch-norm': {
    text: "Set the epsilon, usually 10⁻⁵, and check the running variance in the model's file: it should be positive.",
    source: 'Ioffe & Szegedy, Batch Normalization (2015), algorithm 1',
  },
  'lp-norm': {
    text: 'Divide by the largest magnitude before the normalisation: the result is the same, and the squares do not overflow.',
    source: NORM,
  },
  product: { text: 'Add logarithms instead of multiplying, or multiply in a wider type.' },
  'log-sum': {
    text: 'Clip the sum to an epsilon or more before the logarithm. If the operands are exponentials, use ReduceLogSumExp of their exponents.',
    source: LOG_SUM_EXP,
  },
  'log-sum-exp': { text: 'Keep the operands small: normalise the layer before them, or clip them.' },
  'sum-of-squares': {
    text: 'Divide by the largest magnitude before squaring and multiply by it afterwards. In half precision, add up in single precision.',
    source: NORM,
  },
  cast: {
    text: 'Clip to the range of the target type before the cast, or keep the tensor in the wider type.',
  },
  'half-sum': {
    text: 'Compute this operation in single precision, or scale its operands down and its result up.',
    source: HALF,
  },
  attention: {
    text: 'Normalise queries and keys before they are multiplied, or clip the input of the attention.',
    source: 'Henry et al., Query-Key Normalization for Transformers (2020)',
  },
  recurrence: {
    text: 'Use a bounded activation function, such as tanh, or clip the state in each step.',
  },
};

/** The repair for operations that are no sites: sums and products that overflow. */
const OVERFLOW_REPAIR: Repair = {
  text: 'Keep the operands small enough for the result: normalise the inputs or the layer before, clip them, or compute in a wider type.',
};

/** Kinds that an operation is only of in a certain place of a graph, which its type alone does not tell. */
const CONTEXTUAL_KINDS: ReadonlySet<string> = new Set([
  'softplus',
  'log-softmax',
  'variance',
  'l2-norm',
  'integer-division',
  'half-sum',
]);

/**
 * The usual repair of an operation that computes NaN or infinity from finite values.
 *
 * @param op its type
 * @param kind the kind of site that it is, if that is known; by default the most general one of its type
 */
export function repairOf(op: string, kind?: string): Repair {
  const known = kind === undefined ? undefined : REPAIRS[kind];
  const general = KINDS_BY_OP.get(op)?.find(({ name }) => !CONTEXTUAL_KINDS.has(name));
  return known ?? (general === undefined ? OVERFLOW_REPAIR : REPAIRS[general.name]);
}
