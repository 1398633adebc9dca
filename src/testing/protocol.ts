import type { CampaignStart } from '../campaign/run-campaign.ts';
import type { FaultSummary, FuzzProgress, FuzzResult } from './api.ts';

/** A campaign as its process reports it; findings stay on disk. */
export type CampaignOutcome = Omit<FuzzResult, 'findings'>;

/** A finding that was run again, as its process reports it. */
export interface ReplayOutcome {
  readonly path: string;
  readonly verdict: 'still broken' | 'fixed' | 'flaky' | 'cannot run';
  readonly note: string;
}

/** Calls of the campaign service, and what each gives. */
export interface CampaignServiceApi {
  fuzz(request: {
    /** Settings as they were given, unchecked. */
    readonly settings: Readonly<Record<string, unknown>>;
    readonly config: string | undefined;
    /** Options of the caller that are no settings, for suggestions. */
    readonly otherOptions: readonly string[];
    readonly start: CampaignStart;
  }): Promise<CampaignOutcome>;
  replay(request: {
    readonly paths: readonly string[];
    readonly model: string | undefined;
    readonly trust: boolean | undefined;
  }): Promise<readonly ReplayOutcome[]>;
  /** @returns folders of smaller findings */
  minimize(request: {
    readonly paths: readonly string[];
    readonly tries: number;
  }): Promise<readonly string[]>;
}

export type MethodName = keyof CampaignServiceApi;

/** Message to the service. */
export type ServiceRequest =
  | { readonly id: number; readonly method: MethodName; readonly params: unknown }
  | { readonly abort: true };

/** Kinds of errors that have a class of their own. */
export type ErrorKind = 'UserError' | 'MachineError' | 'InterruptedError';

/** Message from the service. */
export type ServiceMessage =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: { readonly kind: ErrorKind | undefined; readonly message: string };
    }
  | { readonly fault: FaultSummary }
  | { readonly progress: FuzzProgress };
