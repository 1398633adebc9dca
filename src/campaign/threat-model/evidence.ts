import type { ThreatModel } from '../../config/threat-model.ts';
import type { Finding } from '../../storage/finding.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** An input as campaign.yaml records it. */
export interface CheckedInput {
  readonly name: string;
  readonly range: readonly [low: number, high: number];
  /** Ranges by channel or column, where they differ. */
  readonly channels?: readonly (readonly [low: number, high: number])[];
  readonly channelsFirst?: boolean;
  readonly strings?: boolean;
  /** Present for token ids, with the id of positions without a token. */
  readonly tokens?: { readonly pad?: number };
}

/** The settings of campaign.yaml that clauses read. */
export interface CheckedSettings {
  readonly threatModel: ThreatModel;
  readonly linf?: number;
  readonly l2?: number;
  readonly l0?: number;
  readonly edits?: number;
  readonly valid?: string;
  readonly table?: unknown;
  readonly corpus?: unknown;
  readonly objective?: unknown;
  readonly mutator?: Readonly<Record<string, unknown>>;
  readonly inputs: readonly CheckedInput[];
}

/** Arrays of a testcase by the input's name. */
export type CheckedTestcase = ReadonlyMap<string, Tensor>;

/** All that is known of a finding. */
export interface ThreatEvidence {
  readonly settings: CheckedSettings;
  readonly finding: Pick<Finding, 'objective' | 'generation' | 'violation' | 'label'> &
    Partial<Pick<Finding, 'reproduced' | 'status' | 'signature'>>;
  readonly testcase: CheckedTestcase;
  /** The seed; undefined where it is not there. */
  readonly seed: CheckedTestcase | undefined;
  /** Mutators between the seed and the finding, as `input:name`; undefined where the family tree is not there. */
  readonly trail: readonly string[] | undefined;
  /** Queries spent on its seed until it was found, or inputs submitted for it; undefined where it does not say. */
  readonly queries: number | undefined;
  /** The value that says how plausible it is; undefined where it does not say. */
  readonly plausible: number | undefined;
  /** Masks of fixed values by input; undefined where they are not there. */
  readonly masks: ReadonlyMap<string, Uint8Array> | undefined;
}

/** A clause that a finding breaks. */
export interface BrokenClause {
  /** Such as `limits.linf`. */
  readonly clause: string;
  readonly breach: string;
}

export interface ThreatVerdict {
  /** Clauses that were checked. */
  readonly clauses: readonly string[];
  /** Clauses that could not be checked, since a file is missing. */
  readonly unchecked: readonly string[];
  readonly broken: readonly BrokenClause[];
}

/** `true` for a clause that holds, a description of the breach, or undefined where it cannot be checked. */
export type Outcome = true | string | undefined;
