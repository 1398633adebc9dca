import type { CorpusEntry } from './corpus/corpus-entry.ts';
import type { Task } from './scheduling/task.ts';

/**
 * Indices of the entries that a task reads: parents and crossover partners and, where constraints are measured from them,
 * the ancestor and the reference of each parent. Each once, in the order of their use.
 */
export function requiredEntries(
  { parents, partners }: Pick<Task, 'parents' | 'partners'>,
  needsAncestors: boolean,
  entryAt: (entryIndex: number) => Pick<CorpusEntry, 'ancestorIndex' | 'referenceIndex'>,
): number[] {
  const required = new Set(parents);
  for (const partner of partners) if (partner >= 0) required.add(partner);
  if (needsAncestors)
    for (const parent of parents) {
      const { ancestorIndex, referenceIndex } = entryAt(parent);
      required.add(ancestorIndex).add(referenceIndex);
    }
  return [...required];
}
