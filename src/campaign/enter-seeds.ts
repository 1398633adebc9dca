import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { type FeedbackName, feedbackKind } from '../coverage/feedback/registry.ts';
import type { Hit } from '../fuzzer/scheduling/task.ts';
import { isFuzzable, type SeedResult } from '../fuzzer/seed-runner.ts';
import type { FuzzerState } from '../fuzzer/state.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import type { FaultRegistry } from './findings/fault-registry.ts';
import type { Monitor } from './monitor/monitor.ts';
import type { Notices } from './resolve/model-settings.ts';

/** A threshold and where it comes from, a clause for people. */
export interface ResolvedThreshold {
  readonly value: number;
  readonly why: string;
}

/** The threshold asked for, or one calibrated on the seeds. */
export async function resolveThreshold(
  config: Pick<CampaignConfig, 'threshold' | 'guidance'>,
  feedback: FeedbackName,
  scout: ProbeWorker,
  seeds: readonly SeedResult[],
  notes: Notices,
): Promise<ResolvedThreshold> {
  if (config.threshold !== 'auto') return { value: config.threshold, why: 'as asked for' };
  const sound = seeds.filter(isFuzzable);
  if (config.guidance === 'none' || sound.length === 0) return { value: 0, why: 'not used' };
  if (!feedbackKind(feedback).isCalibrated) return { value: 0, why: 'a mutant with a new element is new' };
  const calibrated = await scout.calibrate(sound);
  if (calibrated === undefined) {
    notes.warn(
      'the threshold cannot be calibrated, since the model ends its process on mutants of the seeds',
    );
    return { value: fallbackThreshold(sound), why: 'a thousandth of the length of the activations' };
  }
  const { threshold, mutants } = calibrated;
  if (threshold === undefined) {
    notes.warn(
      'no mutant of the seeds changes the activations: try other tensors with --coverage or a larger --range',
    );
    return { value: Number.MIN_VALUE, why: 'nothing moved' };
  }
  return { value: Number(threshold.toPrecision(6)), why: `calibrated on ${mutants} mutants` };
}

/** The square of a thousandth of the mean length of the seeds' activations. */
function fallbackThreshold(seeds: readonly SeedResult[]): number {
  const squares = seeds.map(({ activations }) => activations.reduce((sum, value) => sum + value * value, 0));
  const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
  return Math.max(1e-6 * mean, Number.MIN_VALUE);
}

/** Puts the seeds into the corpus; those that break an objective already are findings of generation 0. */
export async function enterSeeds(
  seeds: readonly SeedResult[],
  state: FuzzerState,
  faults: FaultRegistry,
  observer: Monitor,
  folder: string,
): Promise<void> {
  let twins = 0;
  const leftOut = new Map<string, number>();
  for (const seed of seeds) {
    const { data, activations, violation, exemption, transformed, predictedClass } = seed;
    if (isFuzzable(seed)) {
      if (!state.addSeed(data, activations, predictedClass)) twins++;
    } else if (violation === undefined && exemption !== undefined) {
      leftOut.set(exemption, (leftOut.get(exemption) ?? 0) + 1);
    } else if (violation === undefined) {
      observer.warn('a seed whose activations are not finite is left out');
    } else {
      const batch = { data, rows: 1, row: 0 };
      const hit: Hit = {
        pick: -1,
        execs: 0,
        violation,
        data,
        batch,
        ...(transformed === undefined ? {} : { transformed }),
      };
      const kept = await faults.confirmAndStore([hit], 0, undefined, false);
      for (const fault of faults.register(kept, 0)) observer.onFault(fault, folder);
      faults.countHits([{ signature: violation.signature, hits: 1 }]);
    }
  }
  for (const [why, count] of leftOut)
    observer.warn(`${count} of ${seeds.length} seeds ${why}: they are left out`);
  if (seeds.length > 0 && [...leftOut.values()].reduce((sum, count) => sum + count, 0) === seeds.length)
    throw new UserError('no seed is left to fuzz: are the labels those of these seeds, and of this model?');
  if (twins > 0) observer.warn(`${twins} of the seeds are equal to others and count once`);
  const broken = seeds.filter((seed) => seed.violation !== undefined).length;
  if (broken > 0) {
    observer.warn(
      `${broken} of ${seeds.length} seeds break an objective already: they are findings and are not fuzzed`,
    );
  }
}
