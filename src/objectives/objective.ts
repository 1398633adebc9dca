import type { Origin, OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { ObjectiveParameter, ObjectiveSettings } from '../extensions/parameters.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';

/** Bumped when signatures of old campaigns would read otherwise. */
export const SIGNATURE_VERSION = 2;

/** A part of what was seen: plain data. */
export type Detail = string | number | boolean | readonly Detail[] | { readonly [name: string]: Detail };

/** What an objective returns for a run that breaks it. */
export interface Violation {
  readonly objective: string;
  /** Short, stable and safe as a folder's name: objective, kind and where. */
  readonly signature: string;
  /** The signature by what was seen alone, where `signature` says where it comes from. */
  readonly symptom?: string;
  /** One line for people. */
  readonly summary: string;
  /** Tensors that the violation was seen in; a confirming run needs no others. */
  readonly tensors: readonly string[];
  /** What was seen, for programs. */
  readonly details: Readonly<Record<string, Detail>>;
}

/** What an objective judges: one run of the model, row by row. */
export interface JudgedBatch extends BatchResult {
  /** Of each row, the class that its seed shows; below 0 where that is not known. Absent without labels. */
  readonly labels?: ArrayLike<number>;
  /** What the model gave for the same rows as the objective has them changed; absent where it changes none. */
  readonly transformed?: BatchResult;
  /** Why the changed row could not be run; the run is of this row alone then. */
  readonly transformedError?: string;
  /** Of each row, the margin that `Objective.foresee` told of it, and which one that is. */
  readonly predictedMargins?: { readonly margins: ArrayLike<number>; readonly indices: ArrayLike<number> };
  /** Seconds that the run took, and that one of its shape usually takes. Absent where nobody asks. */
  readonly time?: { readonly took: number; readonly usual: number };
}

/** Says whether runs violate what is wanted. */
export interface Objective {
  /** One of a kind in a campaign; its signatures are this, or begin with this and a hyphen. */
  readonly name: string;
  /** Tensors that it reads beside the outputs; those that are no inputs are watched for it. */
  readonly tensors?: readonly string[];
  /** Specs of mutators: what rows are changed by for a second run. Absent where one is enough. */
  readonly change?: readonly string[] | undefined;
  /** Whether it needs to know the classes that seeds show. */
  readonly labelled?: boolean;
  /** Whether it needs to know how long runs take, which are of one row then. */
  readonly timed?: boolean;
  /** Path of the module that it comes from. Absent for our own. */
  readonly plugin?: string;
  /** Seeds that violate it already say nothing against the model: they are left out. Clause for people. */
  readonly seedExemption?: string | undefined;
  /**
   * Judges every row of a run. Must depend on the row alone, so that a testcase gets one verdict whatever
   * batch it ran in.
   *
   * @param report called at most once a row, in row order
   */
  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void;
  /** Why it can't judge runs like this one, a clause for people; absent where it judges any. */
  refuses?(run: JudgedBatch): string | undefined;
  /**
   * How far a row is from a violation, one margin for each way to come to one, 0 at it and infinite where that can't
   * be told; at most `MOST_MARGINS`, and as many for every row. Absent where it knows no distance.
   *
   * @param out where they are written
   * @returns how many there are
   */
  margins?(run: JudgedBatch, row: number, out: Float64Array): number;
  /**
   * Whether the first `SIDES` margins are of two sides of a border: somewhere between a row at one of the first half
   * and one at its counterpart in the second half lies a violation.
   */
  readonly isTwoSided?: boolean;
  /**
   * The signatures to which its margins lead, one for each; those of which enough is kept are sought no more. Absent where
   * a margin leads to any.
   */
  readonly marginSignatures?: readonly string[];
  /**
   * Looks further than the run for margins: told for each row which one is wanted. Absent where the run tells all.
   *
   * @param bars of each row, the margin from which on it does not matter how large it is
   * @returns the rows' margins; any at the bar or above may be infinite
   */
  predictMargins?(
    model: BatchedModel,
    run: JudgedBatch,
    ways: ArrayLike<number>,
    bars: ArrayLike<number>,
  ): Promise<Float64Array>;
  /** Whether `foresee` can tell of some of its margins before there are outputs. */
  readonly predictsBeforeOutput?: boolean;
  /** Names a violation after the operation where it begins. Absent where violations begin at no operation. */
  attribute?(violation: Violation, origin: Origin): Violation;
  /** Says in the summary what that operation was given. */
  explain?(violation: Violation, origin: OriginDetails): Violation;
}

/** Most margins of a row. */
export const MAX_MARGINS = 64;

/** Margins of an objective that is sided which are of two sides. */
export const TWO_SIDED_MARGINS = 32;

/** A kind of objective in the registry. */
export interface ObjectiveKind {
  readonly name: string;
  readonly help: string;
  readonly parameters: readonly ObjectiveParameter[];
  /** Whether it compares the model with a second one. */
  readonly needsSecondModel?: boolean;
  /** What the text behind the parameters is, for kinds that take one. */
  readonly text?: string;
  /** Of which kinds that text may be: each with its own settings, and what stands behind those. */
  readonly rules?: readonly {
    readonly name: string;
    readonly help: string;
    readonly parameters: readonly ObjectiveParameter[];
    readonly words?: Readonly<Record<string, { readonly help: string }>>;
    readonly text?: string;
  }[];
  /** @throws UserError where the settings make no sense together */
  make(settings: ObjectiveSettings): Objective;
}

/** The name of an objective of a kind to which the user may have given one. */
export function instanceName(kind: string, own: string): string {
  return own === '' ? kind : `${kind}-${own}`;
}

/** Whether a signature is one of an objective's. */
export function isSignatureOf(signature: string, name: string): boolean {
  return signature === name || signature.startsWith(`${name}-`);
}

/** A tensor's name as a part of a signature: at most 40 letters, digits, `_`, `.` and `-`. */
export function slug(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_.-]+/g, '_').replace(/^[._-]+|[._-]+$/g, '');
  return safe.slice(-40) || 'tensor';
}
