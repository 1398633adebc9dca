import type { ModelInfo } from '../../model/model.ts';
import type { Fault } from '../findings/fault-registry.ts';
import type { Notes } from '../resolve/model-settings.ts';
import type { Figures } from './statistics.ts';

/** Why a campaign ended. */
export type Stopped = 'execs' | 'time' | 'finding' | 'interrupted' | 'seeds' | 'disk' | 'plugins';

/** What was resolved before the first mutant. */
export interface Plan {
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
export interface Summary extends Plan {
  readonly figures: Figures;
  readonly stopped: Stopped;
}

/** Who watches a campaign. */
export interface Observer extends Notes {
  planned(plan: Plan): void;
  found(fault: Fault, folder: string): void;
  /** The threshold was adapted. */
  adapted(threshold: number, why: string): void;
  figures(figures: Figures): void;
}
