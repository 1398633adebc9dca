import { type BoundsOptions, isAnchored } from './bounds.ts';

/** DeepHunter's rule (Xie et al., ISSTA 2019, equation 1). */
export interface DeepHunterRule {
  /** Share of the values of which fewer may change by any amount. */
  readonly alpha: number;
  /** Share of the range by which all may change. */
  readonly beta: number;
}

/** How far mutants may stray from their ancestor seed. Each is a limit of its own; together they all hold. */
export interface ConstraintLimits {
  /** Largest change of any value. */
  readonly linf?: number | undefined;
  /** Largest Euclidean distance, over all inputs. */
  readonly l2?: number | undefined;
  /** Most values that differ, over all inputs. */
  readonly l0?: number | undefined;
  /** Most insertions, deletions and substitutions in each input of tokens. */
  readonly edits?: number | undefined;
  readonly deephunter?: DeepHunterRule | undefined;
}

/** Whether anything ties mutants to their ancestor, so that whoever makes them needs it. */
export function needsAncestor(
  limits: ConstraintLimits,
  inputs: readonly Omit<BoundsOptions, 'range'>[],
): boolean {
  const { linf, l2, l0, edits, deephunter } = limits;
  return [linf, l2, l0, edits, deephunter].some((limit) => limit !== undefined) || inputs.some(isAnchored);
}

/** Whether an input's length may differ from its ancestor's: norms compare values place by place. */
export function allowsResizing({ linf, l2, l0 }: ConstraintLimits): boolean {
  return linf === undefined && l2 === undefined && l0 === undefined;
}
