import type { CorpusEntryData } from '../scheduling/task.ts';

/** Source of the corpus entries that a task's mutants are made from. */
export interface ParentSource {
  /** The task's parents and crossover partners, and where constraints need them their ancestors and references. */
  entryData(entry: number): CorpusEntryData;
}
