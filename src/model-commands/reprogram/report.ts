import type { ThreatAudit } from '../../campaign/threat-model/audit-findings.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { ClassMap } from '../../reprogram/losses.ts';
import type { Placement } from '../../reprogram/program.ts';
import type { Estimate } from '../../reprogram/task-scores.ts';
import type { ProgramMethod } from '../../reprogram/train-program.ts';

/** What both kinds of programs report. */
interface CommonReport {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  readonly seed: string;
  readonly place: Placement['mode'];
  /** Values that a program may change, and their largest change; null where they are replaced. */
  readonly values: number;
  readonly epsilon: number | null;
  readonly method: ProgramMethod;
  /** Runs of each input; more than 1 for a random model. */
  readonly draws: number;
  readonly train: number;
  readonly test: number;
  /** The folder. */
  readonly campaign: string;
}

/** What a share of a change does: success or accuracy on test inputs, 0 to 1; null without controls. */
export interface StrengthRow {
  readonly strength: number;
  readonly score: number;
  /** Of the untrained copy with a share of its own program. */
  readonly untrained: number | null;
}

/** How far one program comes. */
export interface ProgramRow {
  /** The class, or `abstain`. */
  readonly to: number | 'abstain';
  /** Share of the test inputs of other classes that get the class; or of all of which the model is sure of no class. */
  readonly success: number;
  /** What else leads there. */
  readonly control: {
    /** No program: ordinary errors. */
    readonly none: number;
    /** A program that is drawn at random; null without controls. */
    readonly random: number | null;
    /** A program that is trained for a copy with permuted weights, on that copy; null without controls. */
    readonly untrained: number | null;
  };
  readonly strengths: readonly StrengthRow[];
  /** Training loss, ten means over equal parts of the steps. */
  readonly curve: readonly number[];
  readonly queries: number;
  /** What is left of the change; absent unless the smallest one was asked for. */
  readonly stealth?: {
    readonly asked: number;
    /** Whether the whole change reaches what is asked on training inputs; else it is left whole. */
    readonly isReached: boolean;
    readonly values: number;
    readonly epsilon: number | null;
  };
}

/** Result of `reprogram --to`. */
export interface UniversalReport extends CommonReport {
  readonly mode: 'universal';
  readonly programs: readonly ProgramRow[];
  readonly findings: number;
  /** Findings that were checked against the threat model; absent without one. */
  readonly threatModel?: ThreatAudit;
}

/** Result of `reprogram --task`. */
export interface TaskReport extends CommonReport {
  readonly mode: 'task';
  readonly task: string;
  readonly labels: number;
  readonly queries: number;
  /** Share of the test inputs whose answer is right. */
  readonly accuracy: number;
  /** Share of the most frequent label. */
  readonly chance: number;
  /** Accuracies, each with classes assigned in the same way; null without controls. */
  readonly control: {
    /** The task's inputs without a program. */
    readonly none: number;
    /** A program that is drawn at random. */
    readonly random: number | null;
    /** A program that is trained for a copy with permuted weights, on that copy. */
    readonly untrained: number | null;
  };
  /** Accuracy above that of the best control; null without controls. */
  readonly excess: Estimate | null;
  /** Whether all of the interval of the excess lies above 0. */
  readonly isReprogrammable: boolean;
  /** Mutual information of label and answer, in bits for each answer. */
  readonly bits: number;
  readonly map: ClassMap;
  readonly strengths: readonly StrengthRow[];
  readonly curve: readonly number[];
}

export type ReprogramReport = UniversalReport | TaskReport;
