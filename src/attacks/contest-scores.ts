import { type ClassAnswer, isConfidentError } from '../objectives/class-answer.ts';

/** The largest share of inputs of a curve, in hundredths. */
const CURVE_POINTS = 100;

/** Accuracy of a model that answers a share of the inputs. */
export interface CoveredAccuracy {
  /** Confidence of the last input that the share has room for. */
  readonly threshold: number;
  /** Inputs with at least that confidence: ties are covered together. */
  readonly covered: number;
  readonly wrong: number;
  readonly accuracy: number;
}

/** Place of the last of `count` inputs that a share has room for, from 1. Shares such as 0.29 are not rounded below their product. */
function lastCovered(share: number, count: number): number {
  return Math.max(1, Math.floor(share * count + 1e-9));
}

/**
 * The confidence from which a share of the answers is given: element ⌊c·n⌋ of the confidences, the largest first.
 *
 * @param answers at least one
 */
export function thresholdOf(answers: readonly Pick<ClassAnswer, 'confidence'>[], share: number): number {
  const sorted = answers.map(({ confidence }) => confidence).sort((a, b) => (a === b ? 0 : b - a));
  return sorted[lastCovered(share, sorted.length) - 1];
}

/**
 * Accuracy at a coverage, the score of the contest's warm-up (Brown et al. 2018, section 5): 1 − wrong among covered / covered.
 *
 * @param answers at least one
 */
export function accuracyAt(
  answers: readonly Pick<ClassAnswer, 'confidence' | 'isWrong'>[],
  share: number,
): CoveredAccuracy {
  const threshold = thresholdOf(answers, share);
  const covered = answers.filter(({ confidence }) => confidence >= threshold);
  const wrong = covered.filter(({ isWrong }) => isWrong).length;
  return { threshold, covered: covered.length, wrong, accuracy: 1 - wrong / covered.length };
}

/** Accuracy at the coverages 0.01, 0.02, … 1. */
export function accuracyCurve(
  answers: readonly Pick<ClassAnswer, 'confidence' | 'isWrong'>[],
): { readonly coverage: number; readonly accuracy: number }[] {
  return Array.from({ length: CURVE_POINTS }, (_, i) => {
    const coverage = (i + 1) / CURVE_POINTS;
    return { coverage, accuracy: accuracyAt(answers, coverage).accuracy };
  });
}

/** The scores of the answers under one attack. */
export interface AttackScores {
  readonly accuracyAtCoverage: number;
  readonly accuracyAtAll: number;
  /** Wrong answers from the threshold on, which is fixed. */
  readonly confidentMistakes: number;
  /** Share of the inputs with an answer from the threshold on. */
  readonly coverage: number;
}

/**
 * Scores the answers under an attack.
 *
 * @param coverage share of the attacked inputs that are answered, for `accuracyAtCoverage`
 * @param threshold confidence from which the model answers, for the other scores
 */
export function attackScores(
  answers: readonly ClassAnswer[],
  coverage: number,
  threshold: number,
): AttackScores {
  return {
    accuracyAtCoverage: accuracyAt(answers, coverage).accuracy,
    accuracyAtAll: accuracyAt(answers, 1).accuracy,
    confidentMistakes: answers.filter((answer) => isConfidentError(answer, threshold)).length,
    coverage: answers.filter(({ confidence }) => confidence >= threshold).length / answers.length,
  };
}
