import { plural } from '../core/format-number.ts';
import { isNoFault, isSignatureOf, noFaultReason } from '../objectives/objective.ts';
import { isCounted, statusOf, type TriagedFault } from '../triage/triage.ts';
import { type FailedCampaign, failureText, groupFaults, type InCampaign } from './fault-groups.ts';
import type { Check, CheckOutcome } from './junit.ts';
import { inputText, type ReportedFault } from './reported-fault.ts';
import type { ReportedCampaign } from './view-model.ts';

/** The faults of a campaign by objective, from which JUnit checks are made. */
export interface ObjectiveResults
  extends Pick<ReportedCampaign, 'name' | 'faults' | 'fixed' | 'tonight' | 'seconds'> {
  /** Of each objective, its signature or the prefix of its signatures. */
  readonly objectives: readonly string[];
}

/**
 * Makes JUnit checks: one per fault, where new ones fail, known ones are skipped and fixed ones pass; one error per failed campaign;
 * and one per objective, which passes if it has no new fault and else is skipped, since each new fault fails a check of its
 * own. Without a baseline every fault is new. New faults come first, then failed campaigns, known and fixed faults.
 */
export function checksOf(
  campaigns: readonly ObjectiveResults[],
  failures: readonly FailedCampaign[] = [],
): Check[] {
  const { isCompared, fresh, known, fixed, uncounted } = groupFaults(campaigns);
  const failed = failures.map(
    (failure): Check => ({
      group: failure.name,
      name: 'ran',
      outcome: { kind: 'error', message: failureText(failure) },
    }),
  );
  return [
    ...fresh.map(faultCheck),
    ...failed,
    ...known.map(faultCheck),
    ...fixed.map(
      ({ campaign, signature }): Check => ({
        group: faultGroup(campaign),
        name: signature,
        outcome: { kind: 'passed' },
      }),
    ),
    ...uncounted.map(faultCheck),
    ...campaigns.flatMap((campaign) => objectiveChecks(campaign, isCompared ? 'new fault' : 'fault')),
  ];
}

const faultGroup = (campaign: string): string => `${campaign}.faults`;

function faultCheck(fault: InCampaign<ReportedFault>): Check {
  return { group: faultGroup(fault.campaign), name: fault.signature, outcome: faultOutcome(fault) };
}

/** One check per objective; the campaign's run time is divided evenly among them. */
function objectiveChecks({ name, objectives, faults, seconds }: ObjectiveResults, noun: string): Check[] {
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
      outcome: objectiveOutcome(name, newFaults, noun),
      seconds: seconds / allObjectives.length,
    };
  });
}

function objectiveOutcome(campaign: string, newFaults: readonly ReportedFault[], noun: string): CheckOutcome {
  if (newFaults.length === 0) return { kind: 'passed' };
  return {
    kind: 'skipped',
    message: `${plural(newFaults.length, noun)}, each with a test case in ${faultGroup(campaign)}`,
    details: newFaults.map(({ signature }) => signature).join('\n'),
  };
}

function faultOutcome(fault: ReportedFault): CheckOutcome {
  const { state, summary, path, hits, reproduced, input, replay } = fault;
  const status = statusOf(fault);
  if (isNoFault(fault.signature) && !isCounted(fault))
    return { kind: 'skipped', message: `${noFaultReason(fault.signature)}: ${summary}` };
  if (state === 'known' || state === 'ignored') return { kind: 'skipped', message: `${state}: ${summary}` };
  if (status === 'flaky') return { kind: 'skipped', message: `flaky: ${summary}` };
  const manner = status === 'confirmed' ? '' : `, ${status}`;
  const details = [
    `${plural(hits, 'hit')}, reproduced ${reproduced}${manner}`,
    `${inputText(fault)}: ${input}`,
    `Replay: ${replay}`,
    `Finding: ${path}`,
  ];
  return { kind: 'failed', message: summary, details: details.join('\n') };
}
