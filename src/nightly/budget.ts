import { performance } from 'node:perf_hooks';

/** Minimum duration of a turn. */
export const MIN_TURN_MS = 1_000;

/** Share of the total time below which no further round begins. */
const MIN_ROUND_SHARE = 0.02;

/** A campaign and its relative share of the time. */
export interface BudgetShare {
  readonly name: string;
  readonly share: number;
}

/** Distributes campaigns over at most `maxGroups` groups of about equal total share, which run concurrently. */
export function splitByShare<Campaign extends BudgetShare>(
  campaigns: readonly Campaign[],
  maxGroups: number,
): Campaign[][] {
  const groups = Array.from({ length: Math.min(maxGroups, campaigns.length) }, (): Campaign[] => []);
  for (const campaign of campaigns)
    groups.reduce((a, b) => (totalShare(b) < totalShare(a) ? b : a)).push(campaign);
  return groups;
}

function totalShare(campaigns: readonly BudgetShare[]): number {
  return campaigns.reduce((sum, { share }) => sum + share, 0);
}

/**
 * Divides a time budget among campaigns that run one after another. Each gets its share of the remaining time, relative to the
 * campaigns that have not run yet, so that unused time goes to the others. Time left at the end is divided again, among the
 * campaigns that could use more.
 */
export class TimeBudget<Campaign extends BudgetShare> {
  readonly #totalMs: number;
  readonly #remainingMs: () => number;

  /**
   * @param totalMs the budget in milliseconds
   * @param now clock in milliseconds
   */
  constructor(totalMs: number, now: () => number = () => performance.now()) {
    this.#totalMs = totalMs;
    const end = now() + totalMs;
    this.#remainingMs = () => end - now();
  }

  /**
   * Runs every campaign for its share of the time.
   *
   * @param run runs a campaign for some milliseconds and returns whether it could use more
   * @param isEnded called between turns; ends the budget early
   */
  async spend(
    campaigns: readonly Campaign[],
    run: (campaign: Campaign, milliseconds: number) => Promise<boolean>,
    isEnded: () => boolean,
  ): Promise<void> {
    let runnable = campaigns;
    for (let round = 0; runnable.length > 0; round++) {
      const minRoundMs =
        round === 0 ? Number.NEGATIVE_INFINITY : Math.max(MIN_TURN_MS, MIN_ROUND_SHARE * this.#totalMs);
      if (this.#remainingMs() < minRoundMs) return;
      const unfinished: Campaign[] = [];
      for (const [i, campaign] of runnable.entries()) {
        if (isEnded()) return;
        const relativeShare = campaign.share / totalShare(runnable.slice(i));
        const turnMs = Math.max(MIN_TURN_MS, this.#remainingMs() * relativeShare);
        if (await run(campaign, turnMs)) unfinished.push(campaign);
      }
      runnable = unfinished;
    }
  }
}
