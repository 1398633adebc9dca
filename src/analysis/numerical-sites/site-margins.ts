import type { BatchTensor } from '../../model/batched-model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { type Hazard, halvings, marginOf } from './hazard.ts';
import type { HazardTarget } from './site.ts';

/** Tensors that an aim needs to be watched. */
export function tensorsToWatch({ tensor, proxy }: HazardTarget): string[] {
  return proxy === undefined || proxy.tensor === tensor ? [tensor] : [tensor, proxy.tensor];
}

/**
 * Margins of each element of a row: how many times its distance from the unsafe region must halve, 0 within it.
 * Where the operand has a guide, that says how far it is until the operand itself is there.
 *
 * @param tensors of a run, the aim's among them
 * @returns as many as the operand has elements, groups for hazards that concern several at once; good until the
 *   next call
 */
export function marginsOf(
  aim: HazardTarget,
  tensors: ReadonlyMap<string, BatchTensor>,
  row: number,
): Float64Array {
  const own = hazardMargins(aim.hazard, watchedTensor(tensors, aim.tensor), row, 0);
  if (aim.proxy === undefined) return own;
  const { hazard, tensor } = aim.proxy;
  const further = hazardMargins(
    hazard.kind === 'all' ? hazard.each : hazard,
    watchedTensor(tensors, tensor),
    row,
    1,
  );
  if (hazard.kind === 'all') return further.length % own.length === 0 ? groupMargins(own, further) : own;
  if (aim.hazard.kind === 'masked')
    return maskMargins(aim.hazard.axis, watchedTensor(tensors, aim.tensor), row, further);
  if (further.length !== own.length) return own;
  // Behind a guide that has come to its end the operand is what decides.
  for (let i = 0; i < own.length; i++)
    if (own[i] > 0) own[i] = further[i] > 0 ? further[i] + ABOVE_PROXY : Math.min(own[i], ABOVE_PROXY);
  return own;
}

/**
 * Margins of groups that are masked element by element: each open one counts, the nearest to being masked by how far
 * it is from that.
 */
function maskMargins(
  axis: number,
  { type, size, shape, data }: BatchTensor,
  row: number,
  further: Float64Array,
): Float64Array {
  const out = scratchFor(0, size);
  let groups = 0;
  forEachSlice(shape, axis, size, (from, length, stride) => {
    let open = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let k = 0; k < length; k++) {
      const i = from + k * stride;
      if (readNumber(type, data, row * size + i) === Number.NEGATIVE_INFINITY) continue;
      open++;
      if (further.length === size) nearest = Math.min(nearest, further[i]);
    }
    const part = Number.isFinite(nearest) ? nearest / (1 + nearest) : 1;
    out[groups++] = open === 0 ? 0 : Math.log2(open + part);
  });
  return out.subarray(0, groups);
}

/**
 * Margins of elements that each come of a group, one after the other: the members that are not within their hazard
 * count, the nearest of them by how far it is from that.
 */
function groupMargins(own: Float64Array, members: Float64Array): Float64Array {
  const length = members.length / own.length;
  for (let g = 0; g < own.length; g++) {
    if (own[g] === 0) continue;
    let open = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let k = g * length; k < (g + 1) * length; k++) {
      if (members[k] === 0) continue;
      open++;
      if (members[k] < nearest) nearest = members[k];
    }
    own[g] =
      open === 0 ? Math.min(own[g], ABOVE_PROXY) : ABOVE_PROXY + Math.log2(open + nearest / (1 + nearest));
  }
  return own;
}

/** What an operand is away from its unsafe region at most, once its guide is in its own. */
const ABOVE_PROXY = 1;

function watchedTensor(tensors: ReadonlyMap<string, BatchTensor>, name: string): BatchTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`${name} was not watched`);
  return tensor;
}

/** Room for the margins of an operand and of its guide. */
const scratchBuffers = [new Float64Array(64), new Float64Array(64)];

function scratchFor(which: number, length: number): Float64Array {
  if (scratchBuffers[which].length < length) scratchBuffers[which] = new Float64Array(2 * length);
  return scratchBuffers[which].subarray(0, length);
}

// The loops over elements run for every mutant of a batch: no allocation, and numbers read straight from float32.
function hazardMargins(
  hazard: Hazard,
  { type, size, shape, data }: BatchTensor,
  row: number,
  which: number,
): Float64Array {
  const start = row * size;
  const at = (i: number): number =>
    type === 'float32' ? (data[start + i] as number) : readNumber(type, data, start + i);
  switch (hazard.kind) {
    case 'gap': {
      const out = scratchFor(which, size);
      forEachSlice(shape, hazard.axis, size, (from, length, stride) => {
        let most = Number.NEGATIVE_INFINITY;
        for (let k = 0; k < length; k++) most = Math.max(most, at(from + k * stride));
        for (let k = 0; k < length; k++) {
          const i = from + k * stride;
          out[i] = nanToInfinity(halvings(hazard.bound - (most - at(i)), hazard.unit));
        }
      });
      return out;
    }
    case 'masked': {
      const out = scratchFor(which, size);
      let groups = 0;
      forEachSlice(shape, hazard.axis, size, (from, length, stride) => {
        let open = 0;
        for (let k = 0; k < length; k++) if (at(from + k * stride) !== Number.NEGATIVE_INFINITY) open++;
        out[groups++] = Math.log2(1 + open);
      });
      return out.subarray(0, groups);
    }
    case 'flat': {
      const groups = hazard.groups ?? product(shape.slice(0, toRowAxis(hazard.from, shape)));
      const out = scratchFor(which, groups);
      const length = size / groups;
      for (let g = 0; g < groups; g++) {
        let low = Number.POSITIVE_INFINITY;
        let high = Number.NEGATIVE_INFINITY;
        for (let k = 0; k < length; k++) {
          const value = at(g * length + k);
          if (value < low) low = value;
          if (value > high) high = value;
        }
        out[g] = nanToInfinity(halvings(high - low, 2 ** -149));
      }
      return out;
    }
    default: {
      const out = scratchFor(which, size);
      for (let i = 0; i < size; i++) out[i] = marginOf(at(i), hazard);
      return out;
    }
  }
}

function nanToInfinity(margin: number): number {
  return Number.isNaN(margin) ? Number.POSITIVE_INFINITY : margin;
}

/** An axis of a model's tensor as one of a row's: those count the batch first. */
function toRowAxis(axis: number, shape: readonly number[]): number {
  return axis < 0 ? shape.length + axis : Math.max(0, axis - 1);
}

/** Visits the lines along an axis: where each begins, how many elements it has, and how far apart they are. */
function forEachSlice(
  shape: readonly number[],
  axis: number,
  size: number,
  visit: (from: number, length: number, stride: number) => void,
): void {
  const place = Math.min(Math.max(0, toRowAxis(axis, shape)), Math.max(0, shape.length - 1));
  const length = shape[place] ?? 1;
  const stride = product(shape.slice(place + 1));
  for (let block = 0; block < size; block += length * stride)
    for (let k = 0; k < stride; k++) visit(block + k, length, stride);
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
