import { isSignatureOf } from '../objectives/objective.ts';
import type { KnownFault } from '../triage/baseline.ts';
import type { TriagedFault } from '../triage/triage.ts';
import type { Check, CheckOutcome } from './junit.ts';

/** A campaign as JUnit and SARIF tell of it. */
export interface ObjectiveResults {
  readonly name: string;
  /** What the signatures of its objectives are, or begin with. */
  readonly objectives: readonly string[];
  readonly faults: readonly TriagedFault[];
  /** Known before, and not found any more. */
  readonly fixed: readonly KnownFault[];
  readonly seconds: number;
}

/** A campaign that could not run as it should. */
export interface FailedCampaign {
  readonly name: string;
  readonly message: string;
}

/**
 * A check for each objective, which fails by what is new to it, and one for each fault: new ones fail, known ones are
 * skipped, fixed ones pass; and an error for each campaign that could not run. Without a baseline every fault is new.
 */
export function checksOf(
  campaigns: readonly ObjectiveResults[],
  failures: readonly FailedCampaign[] = [],
): Check[] {
  const failed = failures.map(
    ({ name, message }): Check => ({ group: name, name: 'ran', outcome: { kind: 'error', message } }),
  );
  const judged = campaigns.flatMap(({ name, objectives, faults, fixed, seconds }) => {
    const ownerOf = ({ signature, objective }: TriagedFault): string =>
      objectives
        .filter((label) => isSignatureOf(signature, label))
        .reduce((best, label) => (label.length > best.length ? label : best), '') || objective;
    const all = [...new Set([...objectives, ...faults.map(ownerOf)])];
    const own = all.map((objective): Check => {
      const broken = faults.filter((fault) => ownerOf(fault) === objective && isNew(fault));
      return {
        group: name,
        name: objective,
        outcome: objectiveOutcome(broken),
        seconds: seconds / all.length,
      };
    });
    const single = faults.map(
      (fault): Check => ({ group: `${name}.faults`, name: fault.signature, outcome: faultOutcome(fault) }),
    );
    const gone = fixed.map(
      ({ signature }): Check => ({ group: `${name}.faults`, name: signature, outcome: { kind: 'passed' } }),
    );
    return [...own, ...single, ...gone];
  });
  return [...failed, ...judged];
}

/** Whether a fault counts: it comes up again, and was not known before. */
export function isNew({ state, findings, flaky }: TriagedFault): boolean {
  return state !== 'known' && findings > flaky;
}

function objectiveOutcome(broken: readonly TriagedFault[]): CheckOutcome {
  if (broken.length === 0) return { kind: 'passed' };
  const [first] = broken;
  const more = broken.length === 1 ? '' : `, and ${broken.length - 1} more`;
  return {
    kind: 'failed',
    message: `${first.summary}${more}`,
    details: broken.map(({ signature, path }) => `${signature}: ${path}`).join('\n'),
  };
}

function faultOutcome(fault: TriagedFault): CheckOutcome {
  const { state, summary, path, hits, reproduced, findings, flaky } = fault;
  if (state === 'known') return { kind: 'skipped', message: `known: ${summary}` };
  if (findings <= flaky) return { kind: 'skipped', message: `flaky: ${summary}` };
  return { kind: 'failed', message: summary, details: `${hits} hits, came up again ${reproduced}\n${path}` };
}
