import type { ModelInfo } from '../../model/model.ts';
import type { Fault } from '../findings/fault-registry.ts';
import type { Notices } from '../resolve/model-settings.ts';
import type { Statistics } from './statistics.ts';

/** Why a campaign ended. */
export type StopReason = 'execs' | 'time' | 'finding' | 'interrupted' | 'seeds' | 'disk' | 'plugins';

/** What was resolved before the first mutant. */
export interface CampaignPlan {
  readonly folder: string;
  readonly masterSeed: string;
  readonly model: ModelInfo;
  readonly jobs: number;
  readonly batch: number;
  readonly coverage: {
    readonly tensors: readonly string[];
    readonly measure: string;
    readonly threshold: number;
  };
  readonly seeds: number;
}

/** What a finished campaign has to show. */
export interface CampaignSummary extends CampaignPlan {
  readonly statistics: Statistics;
  readonly stopped: StopReason;
}

/** Who watches a campaign. */
export interface Monitor extends Notices {
  onStart(plan: CampaignPlan): void;
  onFault(fault: Fault, folder: string): void;
  /** The threshold was adapted. */
  onThresholdChange(threshold: number, why: string): void;
  onStatistics(figures: Statistics): void;
}
