import type { Origin, OriginDetails } from '../models/localise.ts';
import type { RowResult } from '../models/rows.ts';

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
  /** Names a violation after the operation where it begins. Absent where violations begin at no operation. */
  place?(violation: Violation, origin: Origin): Violation;
  /** Says in the summary what that operation was given. */
  explain?(violation: Violation, origin: OriginDetails): Violation;
}

/** A kind of objective in the registry. */
export interface ObjectiveKind {
  readonly name: string;
  readonly help: string;
  make(): Objective;
}

/** A tensor's name as a part of a signature: at most 40 letters, digits, `_`, `.` and `-`. */
export function slug(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_.-]+/g, '_').replace(/^[._-]+|[._-]+$/g, '');
  return safe.slice(-40) || 'tensor';
}
