/** For each input, whether the model is right after an attack. */
export type Correct = readonly boolean[];

/** Least difference of two accuracies that counts. */
const LEAST_DIFFERENCE = 0.05;

/** Share of the inputs that are right. */
export function accuracyOf(correct: Correct): number {
  return correct.filter(Boolean).length / correct.length;
}

/** Right after all of several attacks. */
export function afterAll(attacks: readonly Correct[]): Correct {
  return attacks[0].map((_, i) => attacks.every((correct) => correct[i]));
}

/** By how much one accuracy is above another on the same inputs. */
export interface PairedDifference {
  readonly value: number;
  /** What it must exceed to count: 0.05, or two standard errors of the paired differences. */
  readonly bar: number;
  readonly counts: boolean;
  /** Numbers of the inputs that are right after the first attack alone. */
  readonly inputs: readonly number[];
}

/** Compares the accuracies after two attacks on the same inputs, at least one. */
export function compareAccuracy(first: Correct, second: Correct): PairedDifference {
  const differences = first.map((isRight, i) => Number(isRight) - Number(second[i]));
  const count = differences.length;
  const value = differences.reduce((sum, difference) => sum + difference, 0) / count;
  const squares = differences.reduce((sum, difference) => sum + (difference - value) ** 2, 0);
  const standardError = count < 2 ? 0 : Math.sqrt(squares / (count - 1) / count);
  const bar = Math.max(LEAST_DIFFERENCE, 2 * standardError);
  // Shares such as 0.05 of a hundred inputs are exact but for their rounding.
  return { value, bar, counts: value > bar + 1e-9, inputs: inputsWhere(differences, (d) => d > 0) };
}

/** Numbers of the inputs of which something holds. */
export function inputsWhere<T>(facts: readonly T[], holds: (fact: T) => boolean): number[] {
  return facts.flatMap((fact, i) => (holds(fact) ? [i] : []));
}
