import type { BatchTensor } from '../../model/batched-model.ts';
import { readNumber, sizeOf } from '../../tensor/tensor.ts';
import { type Hazard, halvings, marginOf } from './hazard.ts';
import type { HazardTarget } from './site.ts';
import { sumMargins } from './sum-margins.ts';

/** Tensors to watch for the margins of a target. */
export function tensorsToWatch({ tensor, proxy }: HazardTarget): string[] {
  return proxy === undefined || proxy.tensor === tensor ? [tensor] : [tensor, proxy.tensor];
}

/**
 * Margins of each element of a row: how many times its distance from the unsafe region must halve, 0 within it. If the
 * operand has a proxy, the proxy's distance counts until the operand itself reaches the region.
 *
 * @param tensors watched in a run, the target's among them
 * @returns one for each element of the operand, or for each group if the hazard concerns several at once; valid until
 *   the next call
 */
export function marginsOf(
  target: HazardTarget,
  tensors: ReadonlyMap<string, BatchTensor>,
  row: number,
): Float64Array {
  const operand = watchedTensor(tensors, target.tensor);
  // Of a body that did not run.
  if (operand.size === 0) return NO_MARGINS;
  const margins = hazardMargins(target.hazard, operand, row, scratchBuffers.operand);
  if (target.proxy === undefined) return margins;
  const { hazard, tensor } = target.proxy;
  const proxyMargins = hazardMargins(
    hazard.kind === 'all' ? hazard.each : hazard,
    watchedTensor(tensors, tensor),
    row,
    scratchBuffers.proxy,
  );
  if (hazard.kind === 'all')
    return proxyMargins.length % margins.length === 0 ? combineGroups(margins, proxyMargins) : margins;
  if (target.hazard.kind === 'masked') return maskMargins(target.hazard.axis, operand, row, proxyMargins);
  return proxyMargins.length === margins.length ? combineElements(margins, proxyMargins) : margins;
}

const NO_MARGINS = new Float64Array(0);

/** Limit on an operand's margin once its proxy is in the unsafe region. */
const ABOVE_PROXY = 1;

function combineElements(margins: Float64Array, proxyMargins: Float64Array): Float64Array {
  for (let i = 0; i < margins.length; i++)
    if (margins[i] > 0)
      margins[i] = proxyMargins[i] > 0 ? proxyMargins[i] + ABOVE_PROXY : Math.min(margins[i], ABOVE_PROXY);
  return margins;
}

/**
 * Margins of operand elements that each come from a group of proxy elements: the number of members outside their unsafe
 * region, the nearest of them weighted by its margin.
 */
function combineGroups(margins: Float64Array, memberMargins: Float64Array): Float64Array {
  const length = memberMargins.length / margins.length;
  for (let group = 0; group < margins.length; group++) {
    if (margins[group] === 0) continue;
    let open = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let k = group * length; k < (group + 1) * length; k++) {
      if (memberMargins[k] === 0) continue;
      open++;
      if (memberMargins[k] < nearest) nearest = memberMargins[k];
    }
    margins[group] =
      open === 0
        ? Math.min(margins[group], ABOVE_PROXY)
        : ABOVE_PROXY + Math.log2(open + nearest / (1 + nearest));
  }
  return margins;
}

/** Margins of slices that are masked element by element: the number of unmasked elements, the nearest weighted alike. */
function maskMargins(
  axis: number,
  { type, size, shape, data }: BatchTensor,
  row: number,
  proxyMargins: Float64Array,
): Float64Array {
  const out = scratchBuffers.operand.take(size);
  let groups = 0;
  forEachSlice(shape, axis, size, (from, length, stride) => {
    let open = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let k = 0; k < length; k++) {
      const i = from + k * stride;
      if (readNumber(type, data, row * size + i) === Number.NEGATIVE_INFINITY) continue;
      open++;
      if (proxyMargins.length === size) nearest = Math.min(nearest, proxyMargins[i]);
    }
    const part = Number.isFinite(nearest) ? nearest / (1 + nearest) : 1;
    out[groups++] = open === 0 ? 0 : Math.log2(open + part);
  });
  return out.subarray(0, groups);
}

function watchedTensor(tensors: ReadonlyMap<string, BatchTensor>, name: string): BatchTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`${name} was not watched`);
  return tensor;
}

/** Memory that each use overwrites. */
class ScratchBuffer {
  #memory = new Float64Array(64);

  take(length: number): Float64Array {
    if (this.#memory.length < length) this.#memory = new Float64Array(2 * length);
    return this.#memory.subarray(0, length);
  }
}

/** Reused by all calls, since margins are computed for every mutant. */
const scratchBuffers = { operand: new ScratchBuffer(), proxy: new ScratchBuffer() };

// The loops over elements run for every mutant of a batch: no allocation, and numbers read straight from float32.
function hazardMargins(
  hazard: Hazard,
  tensor: BatchTensor,
  row: number,
  scratch: ScratchBuffer,
): Float64Array {
  const { type, size, shape, data } = tensor;
  const start = row * size;
  const at: ElementReader = (i) =>
    type === 'float32' ? (data[start + i] as number) : readNumber(type, data, start + i);
  switch (hazard.kind) {
    case 'gap':
      return gapMargins(hazard, shape, at, scratch.take(size));
    case 'masked':
      return unmaskedMargins(hazard.axis, shape, at, scratch.take(size));
    case 'sum':
      return sumMargins(hazard, shape, (axis) => toRowAxis(axis, shape), at, scratch.take(size));
    case 'flat': {
      const groups = hazard.groups ?? sizeOf(shape.slice(0, toRowAxis(hazard.from, shape)));
      return spreadMargins(size / groups, at, scratch.take(groups));
    }
    default: {
      const out = scratch.take(size);
      for (let i = 0; i < size; i++) out[i] = marginOf(at(i), hazard);
      return out;
    }
  }
}

/** Reads an element of a row. */
type ElementReader = (index: number) => number;

/** Margins of each element to a gap below the largest one along an axis. */
function gapMargins(
  { axis, bound, unit }: Extract<Hazard, { readonly kind: 'gap' }>,
  shape: readonly number[],
  at: ElementReader,
  out: Float64Array,
): Float64Array {
  forEachSlice(shape, axis, out.length, (from, length, stride) => {
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < length; k++) largest = Math.max(largest, at(from + k * stride));
    for (let k = 0; k < length; k++) {
      const i = from + k * stride;
      out[i] = nanToInfinity(halvings(bound - (largest - at(i)), unit));
    }
  });
  return out;
}

/** For each slice along an axis, how many elements are not −∞. */
function unmaskedMargins(
  axis: number,
  shape: readonly number[],
  at: ElementReader,
  out: Float64Array,
): Float64Array {
  let groups = 0;
  forEachSlice(shape, axis, out.length, (from, length, stride) => {
    let open = 0;
    for (let k = 0; k < length; k++) if (at(from + k * stride) !== Number.NEGATIVE_INFINITY) open++;
    out[groups++] = Math.log2(1 + open);
  });
  return out.subarray(0, groups);
}

/** For each group of consecutive elements, the distance between the largest and the smallest. */
function spreadMargins(groupSize: number, at: ElementReader, out: Float64Array): Float64Array {
  for (let group = 0; group < out.length; group++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < groupSize; k++) {
      const value = at(group * groupSize + k);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    out[group] = nanToInfinity(halvings(high - low, 2 ** -149));
  }
  return out;
}

function nanToInfinity(margin: number): number {
  return Number.isNaN(margin) ? Number.POSITIVE_INFINITY : margin;
}

/** Converts an axis of a model's tensor, which counts the batch dimension, to one of a row. */
function toRowAxis(axis: number, shape: readonly number[]): number {
  return axis < 0 ? shape.length + axis : Math.max(0, axis - 1);
}

/**
 * Visits the slices of a row along an axis.
 *
 * @param axis as the model counts it, with the batch dimension
 * @param visit gets the index of a slice's first element, the number of its elements, and their distance
 */
export function forEachSlice(
  shape: readonly number[],
  axis: number,
  size: number,
  visit: (from: number, length: number, stride: number) => void,
): void {
  const rowAxis = Math.min(Math.max(0, toRowAxis(axis, shape)), Math.max(0, shape.length - 1));
  const length = shape[rowAxis] ?? 1;
  const stride = sizeOf(shape.slice(rowAxis + 1));
  for (let block = 0; block < size; block += length * stride)
    for (let k = 0; k < stride; k++) visit(block + k, length, stride);
}
