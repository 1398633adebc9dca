import type { StatisticsView } from '../report/view-model.ts';
import type { KnownFault } from '../triage/baseline.ts';
import type { FaultState } from '../triage/fault-status.ts';
import type { TriagedFault } from '../triage/triage.ts';

/** A campaign as the page shows it, without what it fetches on demand. */
export interface CampaignStatus {
  /** Identifies the campaign as long as the server runs. */
  readonly key: string;
  readonly name: string;
  readonly folder: string;
  /** Whether a process owns its folder. */
  readonly isRunning: boolean;
  readonly statistics: StatisticsView | null;
  /** The worst first. */
  readonly faults: readonly FaultRow[];
  /** Faults of the baseline that were not found. */
  readonly missing: readonly KnownFault[];
  /** Descriptions of missing or damaged files; also why the campaign cannot be read. */
  readonly damage: readonly string[];
  /** Path of the baseline file that states and notes are written to; null if there is none to write to. */
  readonly baseline: string | null;
}

/** A fault in the list, with its state by the baseline and by what a person decided. */
export interface FaultRow extends TriagedFault {
  readonly state: FaultState;
  /** Whether a person has decided on the state. */
  readonly isDecided: boolean;
}

/** A finding of a fault. */
export interface FindingRow {
  readonly id: string;
  readonly status: string;
  readonly reproduced: string;
  readonly isMinimized: boolean;
  /** Of the difference from its seed: number of values, largest change, and edits of a prompt if it is one. */
  readonly l0: number;
  readonly linf: number;
  readonly edits: number | null;
  readonly execs: number;
}

export type JobKind = 'replay' | 'minimize';

/** A command that was started from the page. */
export interface JobView {
  readonly id: number;
  readonly kind: JobKind;
  readonly campaign: string;
  readonly signature: string;
  readonly finding: string;
  readonly status: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  /** The latest lines of its output. */
  readonly lines: readonly string[];
}

/** All that the page knows from the start. */
export interface ViewState {
  readonly title: string;
  readonly isReadOnly: boolean;
  readonly campaigns: readonly CampaignStatus[];
  readonly jobs: readonly JobView[];
}

/** What changed: statuses of the campaigns that changed, and the keys of all campaigns in their order. */
export interface ViewUpdate {
  readonly changed: readonly CampaignStatus[];
  readonly order: readonly string[];
}

/** A request to start a command for a finding. */
export interface JobRequest {
  readonly kind: JobKind;
  readonly campaign: string;
  readonly signature: string;
  readonly finding: string;
}

/** A person's decision on a fault. `new` takes it out of the baseline. */
export interface DecisionRequest {
  readonly campaign: string;
  readonly signature: string;
  readonly state: FaultState;
  readonly note: string;
}

/** Key of the object that stands for a number that JSON lacks. */
const NUMBER_KEY = '$number';

/** Formats a value as JSON with NaN and infinities. */
export function encodeMessage(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? { [NUMBER_KEY]: String(item) } : item,
  );
}

/** Parses what `encodeMessage` formatted. */
export function decodeMessage(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null) return item;
    const number = (item as { readonly [NUMBER_KEY]?: unknown })[NUMBER_KEY];
    return typeof number === 'string' ? Number(number) : item;
  });
}
