import type { Model } from '../../model/model.ts';
import { findNumericalSites } from './find-sites.ts';
import type { Interval } from './interval.ts';
import { propagateIntervals, reachesHazard } from './interval-analysis.ts';
import type { HazardTarget, NumericalSite } from './site.ts';

/**
 * Each site with those of its targets that are reachable while the inputs are within their intervals: none if the site
 * cannot fail unless an operation before it has. Targets that interval arithmetic cannot decide count as reachable.
 */
export function findReachableSites(model: Model, inputs: ReadonlyMap<string, Interval>): NumericalSite[] {
  const intervals = propagateIntervals(model, inputs);
  const isReachable = ({ tensor, hazard }: HazardTarget): boolean => {
    const interval = intervals.get(tensor);
    return interval === undefined || reachesHazard(interval, hazard);
  };
  return findNumericalSites(model).map((site) => ({ ...site, targets: site.targets.filter(isReachable) }));
}
