import { performance } from 'node:perf_hooks';

/** Milliseconds that are worth beginning a campaign for. */
export const MIN_TURN_MS = 1_000;

/** Share of the whole time that is worth another round. */
const MIN_ROUND_SHARE = 0.02;

/** What takes part in a night. */
export interface BudgetShare {
  readonly name: string;
  readonly share: number;
}

/** Deals campaigns out among so many that spend a budget at the same time, so that their shares come to about the same. */
export function splitByShare<Campaign extends BudgetShare>(
  campaigns: readonly Campaign[],
  most: number,
): Campaign[][] {
  const all = Array.from({ length: Math.min(most, campaigns.length) }, (): Campaign[] => []);
  const shareOf = (lane: readonly Campaign[]): number => lane.reduce((sum, { share }) => sum + share, 0);
  for (const campaign of campaigns) all.reduce((a, b) => (shareOf(b) < shareOf(a) ? b : a)).push(campaign);
  return all;
}

/**
 * One time budget for several campaigns, one after the other: each gets its share of what is left among those that wait,
 * so that what one does not use goes to the others; what the last ones leave goes round again to those that could use more.
 */
export class TimeBudget<Campaign extends BudgetShare> {
  readonly #totalMs: number;
  readonly #remainingMs: () => number;

  /**
   * @param total milliseconds
   * @param now the clock, in milliseconds
   */
  constructor(total: number, now: () => number = () => performance.now()) {
    this.#totalMs = total;
    const end = now() + total;
    this.#remainingMs = () => end - now();
  }

  /**
   * Gives every campaign its turns.
   *
   * @param run runs a campaign for so many milliseconds; whether it could use more
   * @param isEnded asked between turns
   */
  async spend(
    campaigns: readonly Campaign[],
    run: (campaign: Campaign, milliseconds: number) => Promise<boolean>,
    isEnded: () => boolean,
  ): Promise<void> {
    let waiting = campaigns;
    for (let round = 0; waiting.length > 0; round++) {
      const worth =
        round === 0 ? Number.NEGATIVE_INFINITY : Math.max(MIN_TURN_MS, MIN_ROUND_SHARE * this.#totalMs);
      if (this.#remainingMs() < worth) return;
      const more: Campaign[] = [];
      for (const [i, campaign] of waiting.entries()) {
        if (isEnded()) return;
        const among = waiting.slice(i).reduce((sum, { share }) => sum + share, 0);
        const time = Math.max(MIN_TURN_MS, (this.#remainingMs() * campaign.share) / among);
        if (await run(campaign, time)) more.push(campaign);
      }
      waiting = more;
    }
  }
}
