import type { TestcaseData } from '../campaign/testcase.ts';
import type { Violation } from '../objectives/objective.ts';

/** A corpus entry and how many mutants to make of it. */
export interface Pick {
  readonly entry: number;
  readonly mutants: number;
}

/** One numbered piece of work: plain data, the same wherever it is computed. */
export interface Task {
  readonly number: number;
  /** Mutants in all tasks before this one. */
  readonly execsBefore: number;
  readonly picks: readonly Pick[];
  /** Signatures of which enough findings are kept: their hits are counted only. */
  readonly saturated: readonly string[];
}

/** A mutant that looked new to the corpus as the task saw it. */
export interface Candidate {
  readonly parent: number;
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}

/** A mutant that breaks an objective, with what is needed to run it again as it ran. */
export interface Hit {
  readonly parent: number;
  /** Number of the mutant in the campaign, from 1. */
  readonly execs: number;
  readonly violation: Violation;
  readonly data: TestcaseData;
  /** The batch it ran in and its row there. */
  readonly batch: { readonly data: TestcaseData; readonly rows: number; readonly row: number };
}

/** Hits of one signature in a task. */
export interface HitCount {
  readonly signature: string;
  readonly hits: number;
}

/** Seconds spent in each part of the loop. */
export interface PhaseSeconds {
  mutate: number;
  model: number;
  objectives: number;
  coverage: number;
}

/** What a task brought: only what may matter to the campaign. */
export interface TaskResult {
  readonly task: number;
  readonly mutants: number;
  /** In the order in which they were made. */
  readonly candidates: readonly Candidate[];
  /** In the order in which they were made; at most `keep` a signature. */
  readonly hits: readonly Hit[];
  readonly counts: readonly HitCount[];
  readonly seconds: PhaseSeconds;
}

/** Cuts a task's picks into batches; a pick may straddle two. */
export function* batchesFrom(task: Task, batch: number): Generator<Task['picks']> {
  let picks: { entry: number; mutants: number }[] = [];
  let free = batch;
  for (const { entry, mutants } of task.picks) {
    for (let left = mutants; left > 0; ) {
      const taken = Math.min(left, free);
      picks.push({ entry, mutants: taken });
      left -= taken;
      free -= taken;
      if (free === 0) {
        yield picks;
        picks = [];
        free = batch;
      }
    }
  }
  if (picks.length > 0) yield picks;
}
