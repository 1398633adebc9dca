import type { CampaignConfig } from '../../config/schema.ts';
import type { QueryLimits } from '../../fuzzer/seeds/query-budget.ts';

/** The queries that a campaign's attacker has; undefined where they are not limited. */
export function queryLimits({ threatModel }: Pick<CampaignConfig, 'threatModel'>): QueryLimits | undefined {
  const { each, total } = threatModel?.queries ?? {};
  return each === undefined && total === undefined ? undefined : { each, total };
}
