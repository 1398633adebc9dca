import { argmax } from '../objectives/output-difference.ts';
import { wilsonInterval } from '../tournament/win-rate.ts';
import { type ClassMap, mappedScores } from './losses.ts';

/** A figure with its interval of 95 %. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The label that each row of logits stands for. */
export function mappedAnswers(logits: readonly Float64Array[], map: ClassMap): number[] {
  return logits.map((row) => argmax(mappedScores(row, map)));
}

/** Share of the answers that are right. */
export function accuracyOf(answers: readonly number[], labels: ArrayLike<number>): number {
  return answers.filter((answer, i) => answer === labels[i]).length / answers.length;
}

/** Share of the most frequent label. */
export function chanceOf(labels: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}

/**
 * How much one accuracy is above another: their difference with an interval of 95 % that is made of those of Wilson (Newcombe 1998,
 * method 10).
 *
 * @param rows that each was measured on
 */
export function differenceOf(accuracy: number, control: number, rows: number): Estimate {
  const [first, second] = [wilsonInterval(accuracy, rows), wilsonInterval(control, rows)];
  const value = accuracy - control;
  return {
    value,
    low: value - Math.hypot(accuracy - first.low, second.high - control),
    high: value + Math.hypot(first.high - accuracy, control - second.low),
  };
}

/**
 * Mutual information of label and answer in bits, corrected for the number of rows (Miller 1955, Madow 1948), and at least 0.
 */
export function bitsOf(answers: readonly number[], labels: ArrayLike<number>): number {
  const rows = answers.length;
  const entropyOf = (keys: readonly (number | string)[]): number => {
    const counts = new Map<number | string, number>();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    let entropy = (counts.size - 1) / (2 * rows);
    for (const count of counts.values()) entropy -= (count / rows) * Math.log(count / rows);
    return entropy;
  };
  const truth = Array.from(labels);
  const joint = answers.map((answer, i) => `${answer},${truth[i]}`);
  const nats = entropyOf(answers) + entropyOf(truth) - entropyOf(joint);
  return Math.max(0, nats / Math.LN2);
}
