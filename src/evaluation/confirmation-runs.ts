import { dependsOnMachine } from '../objectives/crash-signature.ts';

/** Reruns that confirm a finding. */
const CONFIRMATION_RUNS = 10;

/** Reruns of a hang or of exhausted memory, each of which takes the whole time or memory limit. */
const COSTLY_CONFIRMATION_RUNS = 2;

/** Number of reruns that confirm a finding of an objective. */
export function confirmationRuns(objective: string): number {
  return dependsOnMachine(objective) ? COSTLY_CONFIRMATION_RUNS : CONFIRMATION_RUNS;
}
