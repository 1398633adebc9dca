import type { ThreatAudit } from '../../campaign/threat-model/audit-findings.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { Placement } from '../../reprogram/program.ts';
import type { ProgramMethod } from '../../reprogram/train-program.ts';

/** How far one program comes. */
export interface ProgramRow {
  readonly to: number;
  /** Share of the test inputs of other classes that get the class. */
  readonly success: number;
  /** What else leads to the class. */
  readonly control: {
    /** No program: ordinary errors. */
    readonly none: number;
    /** A program that is drawn at random; null without controls. */
    readonly random: number | null;
    /** A program that is trained for a copy with permuted weights, on that copy; null without controls. */
    readonly untrained: number | null;
  };
  /** Training loss, ten means over equal parts of the steps. */
  readonly curve: readonly number[];
  readonly queries: number;
}

/** Result of `reprogram`. */
export interface ReprogramReport {
  readonly formatVersion: number;
  readonly mode: 'universal';
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  readonly seed: string;
  readonly place: Placement['mode'];
  /** Values of the input that a program may change, and their largest change; null where they are replaced. */
  readonly values: number;
  readonly epsilon: number | null;
  readonly method: ProgramMethod;
  readonly train: number;
  readonly test: number;
  readonly programs: readonly ProgramRow[];
  readonly campaign: string;
  readonly findings: number;
  /** Findings that were checked against the threat model; absent without one. */
  readonly threatModel?: ThreatAudit;
}
