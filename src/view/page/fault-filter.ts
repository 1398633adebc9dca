import type { FaultState } from '../../triage/fault-status.ts';
import type { CampaignStatus, FaultRow } from '../protocol.ts';

/** A fault with its campaign. */
export interface ListedFault {
  readonly campaign: CampaignStatus;
  readonly fault: FaultRow;
}

export type FaultOrder = 'severity' | 'hits' | 'newest' | 'name';

/** What the list shows; an empty text leaves a condition out. */
export interface FaultFilter {
  readonly text: string;
  readonly objective: string;
  readonly state: FaultState | '';
  readonly campaign: string;
  readonly order: FaultOrder;
}

export const NO_FILTER: FaultFilter = { text: '', objective: '', state: '', campaign: '', order: 'severity' };

/** States in the order of the list. */
export const STATES: readonly FaultState[] = ['new', 'known', 'fixed', 'ignored'];

/** The faults that match a filter, in its order. Each word of its text must be in the signature, the summary or the note. */
export function filterFaults(campaigns: readonly CampaignStatus[], filter: FaultFilter): ListedFault[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const faults = campaigns
    .flatMap((campaign) => campaign.faults.map((fault) => ({ campaign, fault })))
    .filter(
      ({ campaign, fault }) =>
        (filter.objective === '' || fault.objective === filter.objective) &&
        (filter.state === '' || fault.state === filter.state) &&
        (filter.campaign === '' || campaign.key === filter.campaign) &&
        words.every((word) =>
          `${fault.signature} ${fault.summary} ${fault.note ?? ''}`.toLowerCase().includes(word),
        ),
    );
  return faults.sort(COMPARISONS[filter.order]);
}

/** Sorting keeps the order of equal elements, which is that of severity within a campaign. */
const COMPARISONS: Readonly<Record<FaultOrder, (a: ListedFault, b: ListedFault) => number>> = {
  severity: ({ fault: a }, { fault: b }) => STATES.indexOf(a.state) - STATES.indexOf(b.state),
  hits: ({ fault: a }, { fault: b }) => b.hits - a.hits,
  newest: ({ fault: a }, { fault: b }) => compareTexts(b.firstSeen ?? '', a.firstSeen ?? ''),
  name: ({ fault: a }, { fault: b }) => compareTexts(a.signature, b.signature),
};

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
