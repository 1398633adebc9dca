import { isSignatureOf, isTie } from '../objectives/objective.ts';
import type { KnownFault } from '../triage/baseline.ts';
import { isCounted, statusOf, type TriagedFault } from '../triage/triage.ts';
import type { Check, CheckOutcome } from './junit.ts';

/** The faults of a campaign by objective, from which JUnit checks are made. */
export interface ObjectiveResults {
  readonly name: string;
  /** Of each objective, its signature or the prefix of its signatures. */
  readonly objectives: readonly string[];
  readonly faults: readonly TriagedFault[];
  /** Faults of the baseline that were not found again. */
  readonly fixed: readonly KnownFault[];
  readonly seconds: number;
}

/** A campaign that could not run, or ran too few mutants. */
export interface FailedCampaign {
  readonly name: string;
  readonly message: string;
}

/**
 * Makes JUnit checks: one per objective, which fails if it has new faults; one per fault, where new ones fail, known ones are
 * skipped and fixed ones pass; and one error per failed campaign. Without a baseline every fault is new.
 */
export function checksOf(
  campaigns: readonly ObjectiveResults[],
  failures: readonly FailedCampaign[] = [],
): Check[] {
  const failed = failures.map(
    ({ name, message }): Check => ({ group: name, name: 'ran', outcome: { kind: 'error', message } }),
  );
  return [
    ...failed,
    ...campaigns.flatMap((campaign) => [...objectiveChecks(campaign), ...faultChecks(campaign)]),
  ];
}

/** One check per objective; the campaign's run time is divided evenly among them. */
function objectiveChecks({ name, objectives, faults, seconds }: ObjectiveResults): Check[] {
  const objectiveOf = ({ signature, objective }: TriagedFault): string =>
    objectives
      .filter((prefix) => isSignatureOf(signature, prefix))
      .reduce((longest, prefix) => (prefix.length > longest.length ? prefix : longest), '') || objective;
  const allObjectives = [...new Set([...objectives, ...faults.map(objectiveOf)])];
  return allObjectives.map((objective): Check => {
    const newFaults = faults.filter((fault) => objectiveOf(fault) === objective && isCounted(fault));
    return {
      group: name,
      name: objective,
      outcome: objectiveOutcome(newFaults),
      seconds: seconds / allObjectives.length,
    };
  });
}

function faultChecks({ name, faults, fixed }: ObjectiveResults): Check[] {
  const group = `${name}.faults`;
  return [
    ...faults.map((fault): Check => ({ group, name: fault.signature, outcome: faultOutcome(fault) })),
    ...fixed.map(({ signature }): Check => ({ group, name: signature, outcome: { kind: 'passed' } })),
  ];
}

function objectiveOutcome(faults: readonly TriagedFault[]): CheckOutcome {
  if (faults.length === 0) return { kind: 'passed' };
  const [first] = faults;
  const more = faults.length === 1 ? '' : `, and ${faults.length - 1} more`;
  return {
    kind: 'failed',
    message: `${first.summary}${more}`,
    details: faults.map(({ signature, path }) => `${signature}: ${path}`).join('\n'),
  };
}

function faultOutcome(fault: TriagedFault): CheckOutcome {
  const { state, summary, path, hits, reproduced } = fault;
  const status = statusOf(fault);
  if (isTie(fault.signature) && !isCounted(fault))
    return { kind: 'skipped', message: `a tie is no fault: ${summary}` };
  if (state === 'known' || state === 'ignored') return { kind: 'skipped', message: `${state}: ${summary}` };
  if (status === 'flaky') return { kind: 'skipped', message: `flaky: ${summary}` };
  const manner = status === 'confirmed' ? '' : `, ${status}`;
  const details = `${hits} hits, came up again ${reproduced}${manner}\n${path}`;
  return { kind: 'failed', message: summary, details };
}
