import { escapeControl } from '../../core/escape-control.ts';
import { noFaultName } from '../../objectives/objective.ts';
import { statusOf } from '../../triage/fault-status.ts';
import type { TriagedFault } from '../../triage/triage.ts';

/** What a fault is filtered and sorted by. */
interface FilteredFault {
  readonly signature: string;
  readonly objective: string;
  /** Absent of a fault that was not found again. */
  readonly found?: Pick<TriagedFault, 'hits' | 'state' | 'findings' | 'flaky' | 'batchDependent'>;
  readonly campaign?: string;
}

/** The state of a fault in the filter. */
function filterState({ signature, found }: FilteredFault): string {
  if (found === undefined) return 'fixed';
  const noFault = noFaultName(signature);
  if (noFault !== undefined) return noFault;
  const status = statusOf(found);
  return found.state ?? (status === 'confirmed' ? 'found' : status);
}

/** Attributes by which the page's script filters and sorts rows and cards. */
export function filterAttributes(fault: FilteredFault) {
  return {
    'data-signature': fault.signature,
    'data-objective': fault.objective,
    'data-state': filterState(fault),
    'data-hits': fault.found?.hits ?? 0,
    ...(fault.campaign === undefined ? {} : { 'data-campaign': fault.campaign }),
  };
}

/** Keys by which faults can be sorted, with their names. */
const SORT_KEYS = [
  ['', 'severity'],
  ['hits', 'hits'],
  ['signature', 'name'],
  ['objective', 'objective'],
  ['state', 'state'],
  ['campaign', 'campaign'],
] as const;

/** Properties by which faults are filtered, with their names. */
const FILTER_KEYS = [
  ['objective', 'Objective'],
  ['state', 'State'],
  ['campaign', 'Campaign'],
] as const;

/**
 * Controls that filter and sort faults by objective, state and campaign. They are hidden until the page's script shows them: without
 * it all faults are listed, the most severe first.
 */
export function FaultFilter({ faults }: { readonly faults: readonly FilteredFault[] }) {
  if (faults.length < 2) return null;
  const attributes = faults.map(filterAttributes);
  const valuesOf = (key: (typeof FILTER_KEYS)[number][0]): string[] =>
    [...new Set(attributes.flatMap((attribute) => attribute[`data-${key}`] ?? []))].sort();
  const shown = FILTER_KEYS.map(([key, label]) => ({ key, label, values: valuesOf(key) })).filter(
    ({ values }) => values.length > 1,
  );
  const sortKeys = SORT_KEYS.filter(
    ([key]) =>
      key === '' || key === 'hits' || key === 'signature' || shown.some((filter) => filter.key === key),
  );
  return (
    <search class="filter" aria-label="Filter and sort the faults" hidden>
      {shown.map(({ key, label, values }) => (
        <label key={key}>
          {label}{' '}
          <select data-filter={key}>
            <option value="">all</option>
            {values.map((value) => (
              <option key={value} value={value}>
                {escapeControl(value)}
              </option>
            ))}
          </select>
        </label>
      ))}
      <label>
        Sort by{' '}
        <select data-sort>
          {sortKeys.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <span class="soft" role="status" data-filter-count />
    </search>
  );
}
