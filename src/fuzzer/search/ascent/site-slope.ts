import type { Hazard } from '../../../analysis/numerical-sites/hazard.ts';
import type { HazardTarget } from '../../../analysis/numerical-sites/site.ts';
import { marginsOf, tensorsToWatch } from '../../../analysis/numerical-sites/site-margins.ts';
import type { BatchTensor } from '../../../model/batched-model.ts';
import type { MarginSlope } from '../../../objectives/objective.ts';
import { readNumber } from '../../../tensor/tensor.ts';
import { elementOfSubgoal, makeMarginBuffer, subgoalMargins } from '../subgoal-margins.ts';
import { differenceSlope } from './difference-slope.ts';
import { groupSlope } from './group-slope.ts';

/**
 * Distance that a linear forecast of a margin must cover: margins are doublings, so that the tangent of log₂ d meets 0 where d
 * has changed by 1/ln 2 of itself.
 */
export const LOG_MARGIN_AIM = 1 / Math.LN2;

/**
 * The slope of a numerical site's margin at one subgoal: of the one value where its hazard is a matter of one value, of all members
 * where it is a matter of a group, else by differences.
 *
 * @param tensors of one row, the target's among them
 */
export function siteSlope(
  target: HazardTarget,
  tensors: ReadonlyMap<string, BatchTensor>,
  subgoal: number,
  isShapeVarying: boolean,
): MarginSlope | undefined {
  if (target.proxy === undefined) {
    const operand = tensors.get(target.tensor);
    const slope = operand && elementSlope(target.hazard, operand, target, tensors, subgoal, isShapeVarying);
    if (slope !== undefined) return slope;
  } else {
    const group = elementOfSubgoal(marginsOf(target, tensors, 0), subgoal, isShapeVarying);
    const slope = group === undefined ? undefined : groupSlope(target, tensors, group);
    if (slope !== undefined) return slope;
  }
  const buffer = makeMarginBuffer();
  const watched = tensorsToWatch(target).flatMap((name) => tensors.get(name) ?? []);
  const slopes = differenceSlope(watched, (changed) => {
    const byName = new Map(changed.map((tensor) => [tensor.name, tensor]));
    subgoalMargins(marginsOf(target, byName, 0), buffer, isShapeVarying);
    return buffer[subgoal];
  });
  return slopes && { distance: LOG_MARGIN_AIM, tensors: slopes };
}

/** The distance of one value from an unsafe region is linear in it. */
function elementSlope(
  hazard: Hazard,
  operand: BatchTensor,
  target: HazardTarget,
  tensors: ReadonlyMap<string, BatchTensor>,
  subgoal: number,
  isShapeVarying: boolean,
): MarginSlope | undefined {
  if (hazard.kind !== 'below' && hazard.kind !== 'above' && hazard.kind !== 'at' && hazard.kind !== 'pole')
    return undefined;
  const margins = marginsOf(target, tensors, 0);
  const element = elementOfSubgoal(margins, subgoal, isShapeVarying);
  if (element === undefined) return undefined;
  const value = readNumber(operand.type, operand.data, element);
  const pole = (Math.round(value / Math.PI - 0.5) + 0.5) * Math.PI;
  const toBound = (hazard.kind === 'pole' ? pole : hazard.bound) - value;
  if (!Number.isFinite(toBound)) return undefined;
  // A strict bound is passed by one unit; one that is met exactly is not.
  const beyond = 'strict' in hazard && hazard.strict === true ? hazard.unit : 0;
  const slope = new Float32Array(operand.size);
  const direction = hazard.kind === 'below' ? -1 : hazard.kind === 'above' ? 1 : Math.sign(toBound);
  if (direction === 0) return undefined;
  slope[element] = -direction;
  return { distance: Math.abs(toBound) + beyond, tensors: new Map([[operand.name, slope]]) };
}
