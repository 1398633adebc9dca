import type { StopReason } from '../campaign/monitor/monitor.ts';
import type { CampaignSettings } from '../config/schema.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Options of `fuzz`: the settings of a campaign file, by the same names, and how the call behaves. */
export interface FuzzOptions extends CampaignSettings {
  /** A campaign file, YAML or JSON. Options beside it override it. */
  readonly config?: string | undefined;
  /** Whether a campaign in the folder `out` is renamed to `<out>.old-1` and a new one begins; by default that is refused. */
  readonly overwrite?: boolean | undefined;
  /** Ends the campaign in order: `fuzz` resolves with what was found until then. */
  readonly signal?: AbortSignal | undefined;
  /** Is told of each new fault once its first finding is on disk. */
  readonly onFault?: ((fault: FaultSummary) => void) | undefined;
  /** Is told of the progress, four times a second at most, and of the final figures at the end. */
  readonly onProgress?: ((progress: FuzzProgress) => void) | undefined;
}

/** Progress of a campaign. */
export interface FuzzProgress {
  /** Mutants that have run. */
  readonly execs: number;
  readonly elapsedSeconds: number;
  /** Testcases in the corpus, seeds included. */
  readonly corpus: number;
  readonly faults: number;
}

/** A fault: all findings and hits of one signature. */
export interface FaultSummary {
  /** Such as `nonfinite-inf-log`: kind of failure and operation. */
  readonly signature: string;
  /** The objective that was violated, such as `nonfinite`. */
  readonly objective: string;
  /** Description on one line. */
  readonly summary: string;
  /** Mutants that violated it. */
  readonly hits: number;
  /** Number of the first of these mutants; 0 where a seed violates it. */
  readonly firstExecs: number;
  /** Whether a finding reproduced in every rerun, and is no tie of two models. */
  readonly confirmed: boolean;
}

/** Arrays by the name of the model's input. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** An input that violates an objective, as it is on disk. */
export interface FuzzFinding {
  readonly signature: string;
  readonly objective: string;
  readonly summary: string;
  /** First 16 hex digits of the SHA-256 of its inputs. */
  readonly id: string;
  /** Its folder. */
  readonly path: string;
  /** The command that runs it again, to be run in the working folder. */
  readonly replay: string;
  /** Matching runs out of all reruns, such as `10/10`. */
  readonly reproduced: string;
  /** `batch-dependent` where it needs the batch that it ran in, `flaky` where some reruns did not match. */
  readonly status: 'confirmed' | 'batch-dependent' | 'flaky';
  /** Values of each input, without the batch dimension. */
  readonly inputs: NamedTensors;
  /** The seed that it descends from; undefined where its file is gone. */
  readonly seed: NamedTensors | undefined;
  /** Its prompt or string; undefined for other inputs. */
  readonly text: string | undefined;
  /** Distance from the seed: largest change, Euclidean distance, number of values, and edits of tokens or strings. */
  readonly distance: {
    readonly linf: number;
    readonly l2: number;
    readonly l0: number;
    readonly edits?: number;
  };
  /** Mutations since the seed; 0 for a seed that violates the objective itself. */
  readonly generation: number;
  /** Mutators applied to its parent, as `input:mutator`. */
  readonly mutators: readonly string[];
  /** Number of the mutant in the campaign. */
  readonly execs: number;
  /** Whether it is a smaller variant of another finding. */
  readonly isMinimized: boolean;
}

/** Result of a campaign. */
export interface FuzzResult {
  /** The campaign's folder, which commands such as `triage`, `minimize` and `report` take. */
  readonly campaign: string;
  /** Master seed: the same seed, settings and `execs` give the same findings. */
  readonly seed: string;
  readonly execs: number;
  readonly elapsedSeconds: number;
  readonly corpus: { readonly seeds: number; readonly count: number };
  readonly stopped: StopReason;
  /** In the order in which they were found. */
  readonly faults: readonly FaultSummary[];
  /** Findings of confirmed faults that are on disk, in the order of `faults`; at most `keep` of each. */
  readonly findings: readonly FuzzFinding[];
  /** Warnings of the campaign, such as seeds that were left out. */
  readonly warnings: readonly string[];
}

/** Options of `replay`. */
export interface ReplayOptions {
  /** Run the findings on this model, such as the next release. */
  readonly model?: string | undefined;
  /** Run plug-ins that a campaign's folder names which was not made on this machine: they are code. */
  readonly trust?: boolean | undefined;
  /** Rejects with the signal's reason, and ends the runs. */
  readonly signal?: AbortSignal | undefined;
}

/** A finding that was run again. */
export interface ReplayedFinding extends FuzzFinding {
  readonly verdict: 'still broken' | 'fixed' | 'flaky' | 'cannot run';
  /** Other signatures that were observed, that the model has changed, or why it cannot run; empty where there is nothing to say. */
  readonly note: string;
}
