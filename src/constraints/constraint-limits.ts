import { type BoundsOptions, isAnchored } from './bounds.ts';

/** DeepHunter's rule (Xie et al., ISSTA 2019, equation 1): few values change freely, or all values change little. */
export interface DeepHunterRule {
  /** Fraction of the values; fewer than this may change by any amount. */
  readonly alpha: number;
  /** Fraction of the input's range by which every value may change. */
  readonly beta: number;
}

/** How far mutants may be from their ancestor seed. All limits that are set apply. */
export interface ConstraintLimits {
  /** Largest change of a single value. */
  readonly linf?: number | undefined;
  /** Largest Euclidean distance over all inputs. */
  readonly l2?: number | undefined;
  /** Largest number of differing values over all inputs. */
  readonly l0?: number | undefined;
  /** Largest number of insertions, deletions and substitutions in each token input. */
  readonly edits?: number | undefined;
  readonly deephunter?: DeepHunterRule | undefined;
  /** Condition over inputs and their ancestor's, in the language of `src/expression`. */
  readonly valid?: string | undefined;
  /** Whether a mutant is one mutation of a seed, by one mutator; absent for false. */
  readonly once?: true;
}

/** Whether a mutant's legality depends on its ancestor, so that generating one requires the ancestor's data. */
export function needsAncestor(
  limits: ConstraintLimits,
  inputs: readonly Omit<BoundsOptions, 'range'>[],
): boolean {
  const { linf, l2, l0, edits, deephunter, valid } = limits;
  return (
    [linf, l2, l0, edits, deephunter, valid].some((limit) => limit !== undefined) || inputs.some(isAnchored)
  );
}

/** Whether an input's length may differ from its ancestor's; norms and conditions require equal lengths. */
export function allowsResizing({ linf, l2, l0, valid }: ConstraintLimits): boolean {
  return [linf, l2, l0, valid].every((limit) => limit === undefined);
}
