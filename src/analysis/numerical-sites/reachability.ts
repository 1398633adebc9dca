import type { Model } from '../../model/model.ts';
import { findNumericalSites } from './find-sites.ts';
import type { Interval } from './interval.ts';
import { propagateIntervals, reachesHazard } from './interval-analysis.ts';
import type { HazardTarget, NumericalSite } from './site.ts';

/**
 * Of each site those of its aims that can be reached while the inputs are within their intervals: none where it can't
 * go wrong unless an operation before it has. What interval arithmetic can't tell of counts as within reach.
 */
export function findReachableSites(model: Model, inputs: ReadonlyMap<string, Interval>): NumericalSite[] {
  const intervals = propagateIntervals(model, inputs);
  const isReached = ({ tensor, hazard }: HazardTarget): boolean => {
    const interval = intervals.get(tensor);
    return interval === undefined || reachesHazard(interval, hazard);
  };
  return findNumericalSites(model).map((site) => ({ ...site, targets: site.targets.filter(isReached) }));
}
