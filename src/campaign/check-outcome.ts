import { MachineError, UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import { isConfirmedFault } from './findings/fault-registry.ts';
import type { CampaignSummary } from './monitor/monitor.ts';

/** Whether a campaign has a finding that was confirmed. */
export function hasConfirmedFault({ statistics }: Pick<CampaignSummary, 'statistics'>): boolean {
  return statistics.faults.some(isConfirmedFault);
}

/** How many findings do not obey the threat model, by the clauses that they break; undefined if all do. */
export function outsideMessage({ threatAudit }: Pick<CampaignSummary, 'threatAudit'>): string | undefined {
  if (threatAudit === undefined || threatAudit.outside === 0) return undefined;
  const { checked, outside, byClause } = threatAudit;
  const clauses = Object.entries(byClause).map(([clause, count]) => `${clause}: ${count}`);
  return `${outside} of ${plural(checked, 'finding')} outside the threat model (${clauses.join(', ')}): see findings/outside in the campaign's folder; an objective or a mutator does not keep to it`;
}

/**
 * Refuses to take a campaign without findings for a model without faults, where that is not known.
 *
 * @param minExecs mutants that must have run
 * @throws UserError where nothing could be mutated or judged, MachineError where fewer mutants ran or findings do not obey
 *   the threat model
 */
export function checkOutcome(summary: CampaignSummary, minExecs = 0): void {
  const outside = outsideMessage(summary);
  if (outside !== undefined) throw new MachineError(outside);
  if (hasConfirmedFault(summary)) return;
  if (summary.stopped === 'plugins')
    throw new UserError(
      'the plug-ins that were to judge all failed, as the log says: correct them and run again',
    );
  if (summary.idleReason !== undefined) throw new UserError(summary.idleReason);
  const { execs } = summary.statistics;
  if (execs < minExecs)
    throw new MachineError(
      `only ${execs} mutants ran, fewer than --min-execs ${minExecs}: give more time, or see what slows the model down`,
    );
}
