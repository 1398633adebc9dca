import type { ModelInfo } from '../models/model.ts';
import type { Fault } from './faults.ts';
import type { Figures } from './statistics.ts';
import type { Notes } from './target.ts';

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
