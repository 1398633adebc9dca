import type { Model } from '../../model/model.ts';
import { sitesOf } from './find-sites.ts';
import type { Interval } from './interval.ts';
import { propagate, reaches } from './interval-analysis.ts';
import type { Aim, Site } from './site.ts';

/**
 * Of each site those of its aims that can be reached while the inputs are within their intervals: none where it can't
 * go wrong unless an operation before it has. What interval arithmetic can't tell of counts as within reach.
 */
export function withinReach(model: Model, inputs: ReadonlyMap<string, Interval>): Site[] {
  const intervals = propagate(model, inputs);
  const isReached = ({ tensor, hazard }: Aim): boolean => {
    const interval = intervals.get(tensor);
    return interval === undefined || reaches(interval, hazard);
  };
  return sitesOf(model).map((site) => ({ ...site, aims: site.aims.filter(isReached) }));
}
