import type { Random } from '../core/random.ts';

/** Number of entries that can be picked, the seeds first. */
export interface CorpusSize {
  readonly count: number;
  readonly seeds: number;
}

/** Picks the corpus entry to mutate next. */
export interface Scheduler {
  /** @returns the place of an entry; the corpus is never empty */
  pick(corpus: CorpusSize, random: Random): number;
  /** An entry came in; `parent` is the place of what it was made from, undefined for a seed. */
  added?(entry: number, parent: number | undefined): void;
  /** What it has learnt, as plain data. */
  save?(): unknown;
  /** Takes back what `save` gave. */
  restore?(saved: unknown): void;
  /** Makes several picks in one go; a plug-in's are watched so. */
  guardPicks?<T>(picks: () => T): T;
}

/** A kind of scheduler: what the registry lists, and what a plug-in gives. */
export interface SchedulerKind {
  readonly name: string;
  make(): Scheduler;
}
