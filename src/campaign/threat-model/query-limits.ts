import type { CampaignConfig } from '../../config/schema.ts';
import { QueryBudget } from '../../fuzzer/seeds/query-budget.ts';
import type { QueryLimits, SeedBudget } from '../../fuzzer/seeds/spent-per-seed.ts';
import { SubmissionBudget } from '../../fuzzer/seeds/submission-budget.ts';

/** What a campaign's attacker may still do for each seed; undefined where that is not limited. */
export function seedBudget({ threatModel }: Pick<CampaignConfig, 'threatModel'>): SeedBudget | undefined {
  const limits = queryLimits({ threatModel });
  if (threatModel?.knows.model !== 'nothing') return limits && new QueryBudget(limits);
  return new SubmissionBudget(threatModel.repeats ? (limits ?? {}) : { ...limits, each: 1 });
}

/** The queries that a campaign's attacker has; undefined where they are not limited. */
export function queryLimits({ threatModel }: Pick<CampaignConfig, 'threatModel'>): QueryLimits | undefined {
  const { each, total } = threatModel?.queries ?? {};
  return each === undefined && total === undefined ? undefined : { each, total };
}
