import type { Random } from '../../src/core/random.ts';
import { randomStream } from '../../src/core/random.ts';
import type { Lane } from './lane.ts';

/** What one trial came to. */
export interface TrialOutcome {
  /** What was tried, in words that tell it from others. */
  readonly what: string;
  /** Commands that were run. */
  readonly commands: number;
  /** What does not hold; undefined where all does. */
  readonly failure: string | undefined;
}

/** One trial: its draws come from `random` alone, and its files lie in `folder`, which is empty. */
export type Trial = (random: Random, lane: Lane, folder: string) => Promise<TrialOutcome>;

/** A class of hostile use. */
export interface HostileClass {
  readonly name: string;
  /** Trials of a whole run. */
  readonly trials: number;
  /**
   * Makes what all trials start from.
   *
   * @param folder for its files
   */
  prepare(folder: string, lane: Lane): Promise<Trial>;
}

/** Counts of a class. */
export interface Counts {
  readonly tried: number;
  readonly held: number;
  readonly failed: number;
  readonly commands: number;
}

/** A trial that failed, and how to run it again. */
export interface FailedTrial {
  readonly trial: number;
  readonly what: string;
  readonly failure: string;
}

export interface RunOptions {
  /** Master seed: trial n of a class is the same in every run with it. */
  readonly seed: string;
  readonly from: number;
  readonly trials: number;
  readonly lanes: readonly Lane[];
  /** On `performance.now()`'s clock: no trial begins after it. */
  readonly deadline: number;
  /** Makes and removes the folder of one trial. */
  withFolder<T>(work: (folder: string) => Promise<T>): Promise<T>;
  onFailure(failed: FailedTrial): void;
}

/** Runs trials of a class, one a lane at a time. */
export async function runClass(name: string, trial: Trial, options: RunOptions): Promise<Counts> {
  const { seed, from, trials, lanes, deadline } = options;
  let next = from;
  let [tried, failed, commands] = [0, 0, 0];
  const work = async (lane: Lane): Promise<void> => {
    while (next < from + trials && performance.now() < deadline) {
      const number = next++;
      const outcome = await options.withFolder((folder) =>
        trial(randomStream('hostile', seed, name, number), lane, folder).catch(
          (error: unknown): TrialOutcome => ({ what: 'trial', commands: 1, failure: String(error) }),
        ),
      );
      tried++;
      commands += outcome.commands;
      if (outcome.failure === undefined) continue;
      failed++;
      options.onFailure({ trial: number, what: outcome.what, failure: outcome.failure });
    }
  };
  await Promise.all(lanes.map(work));
  return { tried, held: tried - failed, failed, commands };
}
