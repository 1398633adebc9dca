import { countParameters } from '../../model/graph/graph.ts';
import type { Interval } from '../numerical-sites/interval.ts';
import type { HazardTarget, NumericalSite } from '../numerical-sites/site.ts';
import { type BoundedModel, BoundPropagation } from './bound-propagation.ts';
import type { InputBox, InputBoxes } from './input-boxes.ts';
import { isNarrowable, neededNodes, RelationalBounds } from './relational-bounds.ts';
import { isReachable } from './target-bounds.ts';
import { WorkBudget } from './work-budget.ts';

/** Methods by which a site is shown to be out of reach, from the cheapest to the most exact. */
export const BOUND_METHODS = ['interval', 'element', 'crown', 'element-by-seed', 'crown-by-seed'] as const;

/**
 * How it is shown that a site cannot go wrong: by an interval for each tensor, by one for each element, or by linear relations
 * between elements; of all inputs together, or around each seed.
 */
export type BoundMethod = (typeof BOUND_METHODS)[number];

/** A site with those of its targets that may be reached. */
export interface ReachableSite extends NumericalSite {
  /** How the last of its targets was ruled out; undefined where one is left. */
  readonly method?: BoundMethod;
}

/** Terms and elements of one pass through the graph. */
const ELEMENT_WORK = 16e6;
/** The same for the passes around all seeds together. */
const SEED_ELEMENT_WORK = 64e6;
/** Multiplications of all linear bounds. */
const RELATIONAL_WORK = 1.2e9;

/** Tells which of a site's targets may be reached. */
type TargetFilter = (site: NumericalSite, target: HazardTarget) => boolean;

/**
 * Each site with those of its targets that are reachable while the inputs are within their boxes: none if the site cannot fail
 * unless an operation before it has. What no method can decide counts as reachable. Work is bounded by numbers that follow from
 * the model, not by the clock.
 */
export function ruleOutSites(
  model: BoundedModel,
  sites: readonly NumericalSite[],
  intervals: ReadonlyMap<string, Interval>,
  { boxes, seedBoxes }: InputBoxes,
): ReachableSite[] {
  const isOpen = ({ targets }: NumericalSite): boolean => targets.length > 0;
  const current: ReachableSite[] = [...sites];
  const narrow = (method: BoundMethod, filters: Iterable<TargetFilter>): void => {
    const open = current.flatMap((site, i) => (isOpen(site) ? [i] : []));
    const narrowed = sitesWithin(
      open.map((i) => current[i]),
      filters,
    );
    narrowed.forEach((site, k) => {
      current[open[k]] = isOpen(site) ? site : { ...site, method };
    });
  };
  // The operands of sites as well, from which it follows whether a quotient overflows.
  const tensorsOf = (site: NumericalSite): string[] => [
    ...site.targets.map(({ tensor }) => tensor),
    ...site.tensors,
  ];
  const elementWise = (box: InputBox, work = ELEMENT_WORK): TargetFilter => {
    const propagation = new BoundPropagation(model, box, intervals, new WorkBudget(work));
    const tensors = current.filter(isOpen).flatMap(tensorsOf);
    for (const node of neededNodes(propagation.graph.nodes, tensors)) propagation.evaluate(node);
    return (site, target) => isReachable(site, target, propagation);
  };
  const relational = (box: InputBox, work: number): TargetFilter => {
    const narrowable = current.filter(({ targets }) => targets.some(({ hazard }) => isNarrowable(hazard)));
    if (narrowable.length === 0) return () => true;
    const bounds = new RelationalBounds(model, box, intervals, narrowable.flatMap(tensorsOf), work);
    return (site, target) => {
      bounds.narrowTarget(target);
      return isReachable(site, target, bounds.propagation);
    };
  };
  narrow('interval', [elementWise(new Map(), 0)]);
  // What emulated half precision rounds between operations is known to intervals alone.
  if (model.graph.rounding !== undefined) return current;
  if (boxes.length > 0) {
    narrow(
      'element',
      lazily(boxes, (box) => elementWise(box)),
    );
    narrow(
      'crown',
      lazily(boxes, (box) => relational(box, RELATIONAL_WORK / boxes.length)),
    );
  }
  const count = seedBoxes.length;
  if (count > 1 && count * countParameters(model.graph) <= SEED_ELEMENT_WORK) {
    narrow(
      'element-by-seed',
      lazily(seedBoxes, (box) => elementWise(box, SEED_ELEMENT_WORK / count)),
    );
    narrow(
      'crown-by-seed',
      lazily(seedBoxes, (box) => relational(box, RELATIONAL_WORK / count)),
    );
  }
  return current;
}

function* lazily(boxes: readonly InputBox[], make: (box: InputBox) => TargetFilter): Generator<TargetFilter> {
  for (const box of boxes) yield make(box);
}

/** Sites with the targets that one of the filters leaves. */
function sitesWithin(
  sites: readonly ReachableSite[],
  filters: Iterable<TargetFilter>,
): readonly ReachableSite[] {
  if (sites.length === 0) return [];
  const reached = sites.map(() => new Set<HazardTarget>());
  for (const isReached of filters) {
    sites.forEach((site, i) => {
      for (const target of site.targets)
        if (!reached[i].has(target) && isReached(site, target)) reached[i].add(target);
    });
    if (sites.every(({ targets }, i) => reached[i].size === targets.length)) break;
  }
  return sites.map((site, i) => ({
    ...site,
    targets: site.targets.filter((target) => reached[i].has(target)),
  }));
}
