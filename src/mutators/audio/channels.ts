import type { WorkingArray } from '../../constraints/bounds.ts';

/** Samples of one channel: the last dimension of a testcase, `[...channels, samples]`. */
export function samplesOf(shape: readonly number[]): number {
  return shape.at(-1) ?? 1;
}

/** Root of the mean square of a signal: 0 for silence. */
export function rmsOf(signal: WorkingArray): number {
  let sum = 0;
  for (const value of signal) sum += value * value;
  return Math.sqrt(sum / Math.max(1, signal.length));
}

/** Largest magnitude of a signal. */
export function peakOf(signal: WorkingArray): number {
  let peak = 0;
  for (const value of signal) peak = Math.max(peak, Math.abs(value));
  return peak;
}

/** The ratio of amplitudes of a number of decibels. */
export function amplitudeRatio(decibels: number): number {
  return 10 ** (decibels / 20);
}
