import { type ClassGap, smallerGap } from '../objectives/class-gap.ts';
import type { Finding } from '../storage/finding.ts';

/** The gap between the classes of two models, as a finding records it; undefined for findings of another kind. */
export function gapOf({ violation }: Pick<Finding, 'violation'>): ClassGap | undefined {
  // A finding's file may have been written by hand.
  const { reference, copy } = Object(violation.details.gap) as Partial<Record<keyof ClassGap, unknown>>;
  return typeof reference === 'number' && typeof copy === 'number' ? { reference, copy } : undefined;
}

/** How strong a disagreement is: its smaller gap; infinite for what has none, as a NaN in one of two models. */
export function strengthOf(gap: ClassGap | undefined): number {
  return gap === undefined ? Number.POSITIVE_INFINITY : smallerGap(gap);
}
