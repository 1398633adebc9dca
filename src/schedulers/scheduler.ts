import type { Random } from '../core/random.ts';
import type { ParameterValues } from '../extensions/parameters.ts';
import type { ExtensionKind } from '../extensions/registry.ts';

/** Number of entries that can be picked, the seeds first. */
export interface CorpusSize {
  readonly count: number;
  readonly seeds: number;
}

/** Picks the corpus entry that is mutated next. */
export interface Scheduler {
  /** @returns the index of an entry, `[0, corpus.count)`; the corpus is never empty */
  pick(corpus: CorpusSize, random: Random): number;
  /** Called when an entry is added; `parent` is the index of the entry it was made from, undefined for a seed. */
  added?(entry: number, parent: number | undefined): void;
  /**
   * Called when a task's result is applied, for each entry whose neighbourhood its mutants were in: those with the same elements, or to
   * which that entry is the nearest. With it each mutant costs a search.
   *
   * @param mutants number of these mutants
   */
  observed?(entry: number, mutants: number): void;
  /** The state of the scheduler as plain data, for checkpoints. */
  save?(): unknown;
  /** Restores a state that `save` returned. */
  restore?(saved: unknown): void;
  /** Runs a function that picks several entries; a plug-in's picks get their time limit from it. */
  guardPicks?<T>(picks: () => T): T;
}

/** A kind of scheduler. */
export interface SchedulerKind extends ExtensionKind<Scheduler> {
  make(values: ParameterValues): Scheduler;
}

/** How many of the newest entries a scheduler favours. */
export const NEWEST = {
  name: 'newest',
  default: 5,
  help: 'number of newest entries that are favoured',
  min: 1,
  max: 1e6,
  integer: true,
} as const;
