import { argmax, isDistribution, toLogit } from './output-difference.ts';

/** What the confidence of an answer is: the largest logit, or its lead over the second one. */
export const CONFIDENCE_KINDS = ['max-logit', 'margin'] as const;

export type ConfidenceKind = (typeof CONFIDENCE_KINDS)[number];

/** Whether a word names a measure of confidence rather than an output that is the confidence. */
export function isConfidenceKind(word: string): word is ConfidenceKind {
  return CONFIDENCE_KINDS.some((kind) => kind === word);
}

/** Answer of a classifier that may abstain, against the class that the input shows. */
export interface ClassAnswer {
  /** The class of the largest logit; of equal ones the first. −1 without an answer. */
  readonly predicted: number;
  readonly isWrong: boolean;
  /** Confidence of the answer: in logits, or as an output of the model gives it. */
  readonly confidence: number;
  /** The largest logit of a wrong class minus that of the right one. */
  readonly gap: number;
}

/** The answer to an input that the model fails on: it abstains, which is no mistake. */
export const NO_ANSWER: ClassAnswer = {
  predicted: -1,
  isWrong: false,
  confidence: Number.NEGATIVE_INFINITY,
  gap: Number.NEGATIVE_INFINITY,
};

/** A NaN among the logits counts as wrong and sure. */
const NAN_ANSWER: ClassAnswer = {
  predicted: -1,
  isWrong: true,
  confidence: Number.POSITIVE_INFINITY,
  gap: Number.POSITIVE_INFINITY,
};

/**
 * Judges one row of logits.
 *
 * @param kind how the confidence is measured; the confidence itself where the model gives it, of which NaN is sure
 * @param areShares whether the values are softmax shares, whose logarithms are compared
 */
export function answerOf(
  values: Float64Array,
  label: number,
  kind: ConfidenceKind | number,
  areShares: boolean,
): ClassAnswer {
  if (values.some(Number.isNaN)) return NAN_ANSWER;
  const predicted = argmax(values);
  let second = Number.NEGATIVE_INFINITY;
  let wrong = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < values.length; k++) {
    const logit = toLogit(values[k], areShares);
    if (k !== predicted) second = Math.max(second, logit);
    if (k !== label) wrong = Math.max(wrong, logit);
  }
  const best = toLogit(values[predicted], areShares);
  return {
    predicted,
    isWrong: predicted !== label,
    confidence: typeof kind === 'number' ? givenConfidence(kind) : kind === 'margin' ? best - second : best,
    gap: wrong - toLogit(values[label], areShares),
  };
}

function givenConfidence(value: number): number {
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
}

/** Whether a row of an output is a softmax's: the values of a tensor that is known to hold logits never are. */
export function areSharesIn(values: Float64Array, areLogits: boolean): boolean {
  return !areLogits && isDistribution(values);
}

/** Whether an answer is a mistake of a model that answers only from this confidence on. */
export function isConfidentError({ isWrong, confidence }: ClassAnswer, threshold: number): boolean {
  return isWrong && confidence >= threshold;
}
