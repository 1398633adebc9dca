import type { Model } from '../model.ts';
import { type Interval, propagate, reaches } from './intervals.ts';
import { sitesOf } from './sites.ts';

/**
 * Names of the sites that can't go wrong while the inputs are within their intervals, unless an operation before them
 * has. Those that interval arithmetic can't tell of are left out.
 */
export function unreachableSites(model: Model, inputs: ReadonlyMap<string, Interval>): string[] {
  const intervals = propagate(model, inputs);
  return sitesOf(model)
    .filter(({ aims }) =>
      aims.every(({ tensor, hazard }) => {
        const interval = intervals.get(tensor);
        return interval !== undefined && !reaches(interval, hazard);
      }),
    )
    .map(({ name }) => name);
}
