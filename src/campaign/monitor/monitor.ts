import type { BatchDependence } from '../../analysis/batch-dependence/describe-dependence.ts';
import type { ThreatModel } from '../../config/schema.ts';
import { formatCount } from '../../core/format-number.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { Fault } from '../findings/fault-registry.ts';
import type { Notices } from '../resolve/model-settings.ts';
import type { ThreatAudit } from '../threat-model/audit-findings.ts';
import type { Statistics } from './statistics.ts';

/** Why a campaign ended. */
export type StopReason =
  | 'execs'
  | 'time'
  | 'finding'
  | 'interrupted'
  | 'seeds'
  | 'disk'
  | 'plugins'
  | 'turn'
  | 'queries'
  | 'attacks';

/** When a session of a campaign ends by itself. */
export interface SessionLimits {
  /** When the command began, on `performance.now()`'s clock. */
  readonly startedAt: number;
  /** Seconds that it runs from then on; undefined without `--time`. */
  readonly seconds: number | undefined;
  /** Mutants of all sessions; undefined without `--execs`. */
  readonly execs: number | undefined;
}

/** A campaign's resolved settings, for people. */
export interface CampaignPlan {
  readonly folder: string;
  readonly masterSeed: string;
  readonly model: ModelInfo;
  readonly jobs: number;
  readonly batch: number;
  /** How answers depend on the rest of the batch; undefined where they do not, as far as is known. */
  readonly batchDependence?: BatchDependence | undefined;
  readonly coverage: {
    readonly tensors: readonly string[];
    readonly measure: string;
    readonly threshold: number;
  };
  readonly seeds: number;
  /** Who attacks, and how many distinct seeds there are; undefined without a threat model. */
  readonly threat?: { readonly model: ThreatModel; readonly seeds: number } | undefined;
  readonly limits: SessionLimits;
}

/** Result of a campaign. */
export interface CampaignSummary extends CampaignPlan {
  readonly statistics: Statistics;
  readonly stopped: StopReason;
  /** Why no mutant ran, one line; undefined where some did, or none was asked for. */
  readonly idleReason: string | undefined;
  /** Findings that were checked against the threat model; undefined without one. */
  readonly threatAudit?: ThreatAudit | undefined;
}

/** What a campaign does before its first mutant. */
export interface StartPhase {
  readonly name: 'loading' | 'seeds' | 'calibrating' | 'confirming';
  /** Seeds or mutants that have run, and how many there are; absent where nothing is counted. */
  readonly done?: number;
  readonly total?: number;
}

/** The phase for people: `running seeds: 12 of 32`. */
export function phaseText({ name, done = 0, total = 0 }: StartPhase): string {
  if (name === 'loading') return 'loading the model';
  const progress = `${formatCount(done)} of ${formatCount(total)}`;
  if (name === 'confirming') return `confirming: ${progress} hits`;
  return name === 'seeds' ? `running seeds: ${progress}` : `calibrating: ${progress} mutants`;
}

/** Receives the events of a campaign (LibAFL's Monitor): a terminal screen, a log, or a test. */
export interface Monitor extends Notices {
  /** Called with what the campaign does before its first mutant, and with its progress. */
  onPhase(phase: StartPhase): void;
  /** Called once, before the first mutant. */
  onStart(plan: CampaignPlan): void;
  /** Called for each new fault, once its first finding is on disk. */
  onFault(fault: Fault, folder: string): void;
  /** Called when the novelty threshold was adapted. */
  onThresholdChange(threshold: number, why: string): void;
  /** Called four times a second. */
  onStatistics(statistics: Statistics): void;
}
