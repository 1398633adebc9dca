import { isNoFault } from '../objectives/objective.ts';
import type { Finding } from '../storage/finding.ts';

/**
 * State of a fault relative to a baseline. `ignored` is known and stays in the baseline whether it is found or not; `fixed` was not
 * found again, or a person said so: then it is new where it is found again.
 */
export type FaultState = 'new' | 'known' | 'ignored' | 'fixed';

/** Numbers of findings of a fault, and how it stands to the baseline and to the rules given: see `TriagedFault`. */
export interface FaultCounts {
  readonly signature: string;
  readonly findings: number;
  readonly flaky: number;
  readonly batchDependent: number;
  readonly broken: number | null;
  readonly state?: FaultState;
}

/** How a fault comes up again at best. */
export function statusOf({
  findings,
  flaky,
  batchDependent,
}: Pick<FaultCounts, 'findings' | 'flaky' | 'batchDependent'>): Finding['status'] {
  if (findings > flaky + batchDependent) return 'confirmed';
  return findings > flaky ? 'batch-dependent' : 'flaky';
}

/** Whether a fault has a finding that reproduces, and that violates the rules if any were given. */
export function isReproducible({
  findings,
  flaky,
  broken,
}: Pick<FaultCounts, 'findings' | 'flaky' | 'broken'>): boolean {
  return findings > flaky && broken !== 0;
}

/** Whether the baseline has it: known faults, and those that a person ignores. */
export function isKnown({ state }: Pick<FaultCounts, 'state'>): boolean {
  return state === 'known' || state === 'ignored';
}

/**
 * Whether a fault counts as a failure: it is reproducible, and not known from the baseline. A tie counts only where rules were given
 * that it violates.
 */
export function isCounted(fault: FaultCounts): boolean {
  const isFault = !isNoFault(fault.signature) || (fault.broken ?? 0) > 0;
  return isFault && isReproducible(fault) && !isKnown(fault);
}
