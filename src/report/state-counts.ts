import { isTie } from '../objectives/objective.ts';
import type { KnownFault } from '../triage/baseline.ts';
import type { TriagedFault } from '../triage/triage.ts';

/** Number of new, known, ignored and fixed faults, as text, ties left out; undefined if there was no baseline to compare with. */
export function stateCounts(
  faults: readonly Pick<TriagedFault, 'state' | 'signature'>[],
  fixed: readonly KnownFault[],
): string | undefined {
  if (fixed.length === 0 && faults.every(({ state }) => state === undefined)) return undefined;
  const count = (counted: TriagedFault['state']): number =>
    faults.filter(({ state, signature }) => state === counted && !isTie(signature)).length;
  const ignored = count('ignored');
  return `${count('new')} new, ${count('known')} known, ${ignored === 0 ? '' : `${ignored} ignored, `}${fixed.length} fixed`;
}
