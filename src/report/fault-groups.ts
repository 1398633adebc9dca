import { plural } from '../core/format-number.ts';
import { noFaultName } from '../objectives/objective.ts';
import type { KnownFault } from '../triage/baseline.ts';
import { compareFaults, isCounted, statusOf } from '../triage/triage.ts';
import type { ReportedFault } from './reported-fault.ts';
import type { ReportedCampaign } from './view-model.ts';

/** A campaign that could not run, or ran too few mutants. */
export interface FailedCampaign {
  readonly name: string;
  /** Why it failed: a clause, without the name. */
  readonly message: string;
  /** Whether it ran, but fewer mutants than it has to. */
  readonly ranTooFew?: boolean | undefined;
  /** Whether it is the night's cup, and no campaign. */
  readonly isCup?: boolean | undefined;
}

/** A fault and the name of its campaign. */
export type InCampaign<Fault> = Fault & { readonly campaign: string };

/** The faults of all campaigns in the order in which reports list them. */
export interface FaultGroups {
  /** Whether there was a baseline to compare with. Without one, every fault that counts is in `fresh`. */
  readonly isCompared: boolean;
  /** Faults that count as failures, the worst first. */
  readonly fresh: readonly InCampaign<ReportedFault>[];
  readonly known: readonly InCampaign<ReportedFault>[];
  /** Faults of the baseline that were not found again. */
  readonly fixed: readonly InCampaign<KnownFault>[];
  /** Faults that a person chose to ignore, that do not reproduce, and ties: none counts. */
  readonly uncounted: readonly InCampaign<ReportedFault>[];
}

/** Groups the faults of all campaigns: new, known, fixed and those that don't count. */
export function groupFaults(
  campaigns: readonly Pick<ReportedCampaign, 'name' | 'faults' | 'fixed' | 'tonight'>[],
): FaultGroups {
  const faults = campaigns
    .flatMap(({ name, faults }) => faults.map((fault) => ({ ...fault, campaign: name })))
    .sort(compareFaults);
  const fixed = campaigns.flatMap(({ name, fixed }) => fixed.map((fault) => ({ ...fault, campaign: name })));
  const fresh = faults.filter(isCounted);
  const known = faults.filter((fault) => fault.state === 'known');
  const uncounted = faults.filter((fault) => !fresh.includes(fault) && !known.includes(fault));
  // A night compares its campaigns with earlier nights, if there were any.
  const isNight = campaigns.some(({ tonight }) => tonight !== undefined);
  const isCompared = isNight || fixed.length > 0 || faults.some(({ state }) => state !== undefined);
  return { isCompared, fresh, known, fixed, uncounted };
}

/** The number of faults and of failed campaigns: `1 new fault, 1 campaign could not run, 50 known, 2 fixed`. */
export function headline(
  { isCompared, fresh, known, fixed, uncounted }: FaultGroups,
  failures: readonly FailedCampaign[] = [],
): string {
  const ignored = uncounted.filter(({ state }) => state === 'ignored').length;
  const tooFew = failures.filter(({ ranTooFew }) => ranTooFew === true).length;
  const cups = failures.filter(({ isCup }) => isCup === true).length;
  const notRun = failures.length - tooFew - cups;
  return [
    plural(fresh.length, isCompared ? 'new fault' : 'fault'),
    ...(notRun === 0 ? [] : [`${plural(notRun, 'campaign')} could not run`]),
    ...(cups === 0 ? [] : ['the cup could not be played']),
    ...(tooFew === 0 ? [] : [`${plural(tooFew, 'campaign')} ran too few mutants`]),
    ...(isCompared ? [`${known.length} known`] : []),
    ...(ignored === 0 ? [] : [`${ignored} ignored`]),
    ...(isCompared ? [`${fixed.length} fixed`] : []),
  ].join(', ');
}

/** What is wrong with a failed campaign: `digits could not run: cannot read the model …`. */
export function failureText({ name, message, ranTooFew }: FailedCampaign): string {
  return `${name} ${ranTooFew === true ? 'ran too few mutants' : 'could not run'}: ${message}`;
}

/** The state of a fault as reports show it: `new`, `known`, `ignored`, `flaky`, `tie`; empty without a baseline. */
export function stateText(fault: ReportedFault): string {
  const noFault = noFaultName(fault.signature);
  if (noFault !== undefined && !isCounted(fault)) return noFault;
  const status = statusOf(fault);
  if (status === 'flaky')
    return fault.state === 'new' || fault.state === undefined ? status : `${fault.state}, ${status}`;
  return [fault.state ?? '', status === 'confirmed' ? '' : status].filter(Boolean).join(', ');
}
