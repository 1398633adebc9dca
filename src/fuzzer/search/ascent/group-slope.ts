import type { Hazard } from '../../../analysis/numerical-sites/hazard.ts';
import type { HazardTarget } from '../../../analysis/numerical-sites/site.ts';
import { forEachSlice } from '../../../analysis/numerical-sites/site-margins.ts';
import type { BatchTensor } from '../../../model/batched-model.ts';
import type { MarginSlope } from '../../../objectives/objective.ts';
import { readNumber } from '../../../tensor/tensor.ts';

/**
 * The slope of the distance of a group's members from their unsafe regions, where a hazard is a matter of all of them: the dead units of
 * a layer, the masked elements of a softmax. The margin counts the members outside and tells the nearest of them; its own slope would
 * be that of one member, and lead the others out again. Each member has a weight in proportion to its distance.
 *
 * @param tensors of one row, the target's and its proxy's among them
 * @param group number of the group
 * @returns undefined for another hazard, or where no member is outside
 */
export function groupSlope(
  { hazard, tensor, proxy }: HazardTarget,
  tensors: ReadonlyMap<string, BatchTensor>,
  group: number,
): MarginSlope | undefined {
  const operand = tensors.get(tensor);
  const members = proxy && tensors.get(proxy.tensor);
  if (operand === undefined || members === undefined) return undefined;
  if (proxy?.hazard.kind === 'all')
    return slopeOf(proxy.hazard.each, members, consecutive(group, members.size / operand.size));
  if (proxy === undefined || hazard.kind !== 'masked' || members.size !== operand.size) return undefined;
  return slopeOf(proxy.hazard, members, sliceOf(hazard.axis, operand, group));
}

function consecutive(group: number, length: number): number[] {
  return Number.isInteger(length) ? Array.from({ length }, (_, k) => group * length + k) : [];
}

function sliceOf(axis: number, { shape, size }: BatchTensor, group: number): number[] {
  const slices: number[][] = [];
  forEachSlice(shape, axis, size, (from, length, stride) => {
    slices.push(Array.from({ length }, (_, k) => from + k * stride));
  });
  return slices[group] ?? [];
}

function slopeOf(hazard: Hazard, tensor: BatchTensor, members: readonly number[]): MarginSlope | undefined {
  if (hazard.kind !== 'below' && hazard.kind !== 'above') return undefined;
  const side = hazard.kind === 'below' ? 1 : -1;
  const beyond = hazard.strict === true ? hazard.unit : 0;
  const outside = members.flatMap((index) => {
    const distance = side * (readNumber(tensor.type, tensor.data, index) - hazard.bound) + beyond;
    return distance > 0 && Number.isFinite(distance) ? [{ index, distance }] : [];
  });
  if (outside.length === 0) return undefined;
  const farthest = Math.max(...outside.map(({ distance }) => distance));
  const slope = new Float32Array(tensor.size);
  let total = 0;
  for (const { index, distance } of outside) {
    const weight = distance / farthest;
    slope[index] = side * weight;
    total += weight * distance;
  }
  return { distance: total, tensors: new Map([[tensor.name, slope]]) };
}
