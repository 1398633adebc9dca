import type { Random } from '../../random.ts';
import type { Corpus } from '../corpus.ts';

/** Picks the corpus entry to mutate next. */
export interface Scheduler {
  readonly name: string;
  /** @returns the index of an entry; the corpus is never empty */
  pick(corpus: Corpus, random: Random): number;
}
