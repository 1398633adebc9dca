import type { ThreatModel } from '../config/schema.ts';
import { dependsOnMachine } from '../objectives/crash-signature.ts';

/** How often a finding is run again, and in how many of these runs at least it must show. */
export interface ConfirmationRule {
  readonly runs: number;
  readonly least: number;
}

/** Reruns that confirm a finding. */
const CONFIRMATION_RUNS = 10;

/** Reruns of a hang or of exhausted memory, each of which takes the whole time or memory limit. */
const COSTLY_CONFIRMATION_RUNS = 2;

/** For an attacker who does not know what a random model draws: nine of ten runs. */
const RANDOM_RULE: ConfirmationRule = { runs: 30, least: 27 };

/** The rule that confirms findings of an objective, under a threat model if there is one. */
export function confirmationRule(
  objective: string,
  threatModel?: Pick<ThreatModel, 'knows'> | undefined,
): ConfirmationRule {
  if (dependsOnMachine(objective)) return { runs: COSTLY_CONFIRMATION_RUNS, least: COSTLY_CONFIRMATION_RUNS };
  if (threatModel?.knows.randomness === false) return RANDOM_RULE;
  return { runs: CONFIRMATION_RUNS, least: CONFIRMATION_RUNS };
}
