import type { Origin, OriginDetails } from '../models/localise.ts';
import type { RowResult } from '../models/rows.ts';
import type { ObjectiveParameter, ObjectiveValues } from './parameters.ts';

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

/** Says whether runs violate what is wanted. */
export interface Objective {
  readonly name: string;
  /**
   * Judges every row of a run. Must depend on the row alone, so that a testcase gets one verdict whatever
   * batch it ran in.
   *
   * @param report called at most once a row, in row order
   */
  judge(result: RowResult, report: (row: number, violation: Violation) => void): void;
  /** Why it can't judge runs like this one, a clause for people; absent where it judges any. */
  refuses?(result: RowResult): string | undefined;
  /**
   * How far a row is from a violation, one margin for each way to come to one, 0 at it and infinite where that can't
   * be told; at most `MOST_MARGINS`, and as many for every row. Absent where it knows no distance.
   *
   * @param out where they are written
   * @returns how many there are
   */
  margins?(result: RowResult, row: number, out: Float64Array): number;
  /**
   * Whether the first `SIDES` margins are of two sides of a border: somewhere between a row at one of the first half
   * and one at its counterpart in the second half lies a violation.
   */
  readonly sided?: boolean;
  /** Names a violation after the operation where it begins. Absent where violations begin at no operation. */
  place?(violation: Violation, origin: Origin): Violation;
  /** Says in the summary what that operation was given. */
  explain?(violation: Violation, origin: OriginDetails): Violation;
}

/** Most margins of a row. */
export const MOST_MARGINS = 64;

/** Margins of an objective that is sided which are of two sides. */
export const SIDES = 32;

/** A kind of objective in the registry. */
export interface ObjectiveKind {
  readonly name: string;
  readonly help: string;
  readonly parameters: readonly ObjectiveParameter[];
  /** Whether it compares the model with a second one. */
  readonly compares?: boolean;
  /** @param values those parameters that were set */
  make(values: ObjectiveValues): Objective;
}

/** A tensor's name as a part of a signature: at most 40 letters, digits, `_`, `.` and `-`. */
export function slug(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_.-]+/g, '_').replace(/^[._-]+|[._-]+$/g, '');
  return safe.slice(-40) || 'tensor';
}
