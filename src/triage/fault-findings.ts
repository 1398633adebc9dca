import type { Finding } from '../storage/finding.ts';
import type { LocatedFinding } from './findings.ts';
import { gapOf, strengthOf } from './strength.ts';

/** Counts the findings of one signature and selects the representative one. */
export class FaultFindings {
  readonly campaigns = new Set<string>();
  findingCount = 0;
  flakyCount = 0;
  batchDependentCount = 0;
  minimizedCount = 0;
  /** Findings judged by the rules given, and those that violate them. */
  judgedCount = 0;
  brokenCount = 0;
  /** Ids of the hits that findings come from: of minimized ones those of their originals. */
  readonly #hitIds = new Set<string>();
  /**
   * The finding that says most among the reproducible ones that violate the rules, the reproducible ones, and all; in each
   * tier among those that come up alone before the others.
   */
  readonly #clearestByTier: (LocatedFinding | undefined)[] = new Array(6).fill(undefined);

  add(campaign: string, located: LocatedFinding, broken: boolean | null): void {
    const { finding } = located;
    this.campaigns.add(campaign);
    this.findingCount++;
    const isFlaky = finding.status === 'flaky';
    const isAlone = finding.status !== 'batch-dependent';
    if (isFlaky) this.flakyCount++;
    if (!isAlone) this.batchDependentCount++;
    if (finding.minimized !== undefined) this.minimizedCount++;
    this.#hitIds.add(finding.minimized?.from ?? finding.id);
    if (broken !== null) this.judgedCount++;
    if (broken === true) this.brokenCount++;
    const tiers = [!isFlaky && broken !== false, !isFlaky, true].flatMap((isIn) => [isIn && isAlone, isIn]);
    tiers.forEach((isInTier, tier) => {
      const clearest = this.#clearestByTier[tier];
      if (isInTier && (clearest === undefined || isBetter(located, clearest)))
        this.#clearestByTier[tier] = located;
    });
  }

  /** Number of hits with a finding on disk, or with one that was made of it. */
  get hitCount(): number {
    return this.#hitIds.size;
  }

  get representative(): LocatedFinding {
    const found = this.#clearestByTier.find((clearest) => clearest !== undefined);
    if (found === undefined) throw new Error('a fault has no finding');
    return found;
  }
}

/** Whether a finding represents its fault better than another: one that is whole does. */
function isBetter(located: LocatedFinding, other: LocatedFinding): boolean {
  if (located.isDamaged !== other.isDamaged) return other.isDamaged;
  return isClearer(located.finding, other.finding);
}

/**
 * Whether a finding says more than another of its fault: by the smaller gap of two models, then by how near it is to its seed: in
 * token edits, then by the number of values that differ, which `minimize` lowers, then by L∞ and L2 distance.
 */
function isClearer(finding: Finding, other: Finding): boolean {
  const [strength, otherStrength] = [strengthOf(gapOf(finding)), strengthOf(gapOf(other))];
  if (strength !== otherStrength) return strength > otherStrength;
  const [a, b] = [finding.distance, other.distance];
  for (const norm of ['edits', 'l0', 'linf', 'l2'] as const) {
    const [distanceA, distanceB] = [a[norm] ?? 0, b[norm] ?? 0];
    if (distanceA !== distanceB) return distanceA < distanceB;
  }
  return false;
}
