import type { Model } from '../../model/model.ts';
import { findNumericalSites } from '../numerical-sites/find-sites.ts';
import type { Interval } from '../numerical-sites/interval.ts';
import { type InputBoxes, uniformBoxes } from './input-boxes.ts';
import { type ReachableSite, ruleOutSites } from './rule-out.ts';

/**
 * Each numerical site of a model with those of its targets that are reachable while the inputs are within their intervals and
 * boxes; see `ruleOutSites`.
 *
 * @param intervals of inputs; any number for those that are missing
 * @param boxes by default of the intervals, where the inputs' sizes are known
 */
export function findReachableSites(
  model: Pick<Model, 'graph' | 'constant' | 'format' | 'inputs'>,
  intervals: ReadonlyMap<string, Interval>,
  boxes: InputBoxes = uniformBoxes(model.inputs, intervals),
): ReachableSite[] {
  return ruleOutSites(model, findNumericalSites(model), intervals, boxes);
}
