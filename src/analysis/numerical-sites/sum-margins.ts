import { marginOf, type SumHazard, type SumTerm } from './hazard.ts';

/** Reads an element of a row. */
type ElementReader = (index: number) => number;

/**
 * Margins of the sums of a row to their bound, one for each group of values that are added up: of the partial sum that is
 * largest in magnitude.
 *
 * @param shape of the row
 * @param toRowAxis converts an axis of the model's tensor to one of the row
 * @param out for as many margins as the row has elements
 */
export function sumMargins(
  { term, over, bound, unit }: SumHazard,
  shape: readonly number[],
  toRowAxis: (axis: number) => number,
  at: ElementReader,
  out: Float64Array,
): Float64Array {
  const isSummed = shape.map((_, axis) =>
    'from' in over ? axis >= toRowAxis(over.from) : over.axes.some((summed) => toRowAxis(summed) === axis),
  );
  const groups = shape.reduce((count, size, axis) => (isSummed[axis] ? count : count * size), 1);
  const margins = out.subarray(0, groups);
  if (groups === 0 || out.length === 0) return margins;
  const length = out.length / groups;
  const groupOf = groupFinder(shape, isSummed);
  const centres = new Float64Array(groups).fill(term === 'exponential' ? Number.NEGATIVE_INFINITY : 0);
  if (term === 'deviation') for (let i = 0; i < out.length; i++) centres[groupOf(i)] += at(i) / length;
  else if (term === 'exponential')
    for (let i = 0; i < out.length; i++) centres[groupOf(i)] = Math.max(centres[groupOf(i)], at(i));
  const sums = new Float64Array(groups);
  margins.fill(0);
  for (let i = 0; i < out.length; i++) {
    const group = groupOf(i);
    sums[group] += TERMS[term](at(i), centres[group]);
    const magnitude = Math.abs(sums[group]);
    // Not greater where it is NaN either, which then stays.
    if (!(magnitude <= margins[group])) margins[group] = magnitude;
  }
  for (let group = 0; group < groups; group++)
    margins[group] = marginOf(margins[group], { kind: 'above', bound, unit });
  return margins;
}

const TERMS: Readonly<Record<SumTerm, (value: number, centre: number) => number>> = {
  value: (value) => value,
  magnitude: (value) => Math.abs(value),
  square: (value) => value * value,
  deviation: (value, mean) => (value - mean) ** 2,
  exponential: (value, most) => Math.exp(value - most),
};

/** A function that gives the group of an element, by its index in the row. */
function groupFinder(shape: readonly number[], isSummed: readonly boolean[]): (index: number) => number {
  const axes: { readonly stride: number; readonly size: number; readonly groupStride: number }[] = [];
  let stride = 1;
  let groupStride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis];
    if (!isSummed[axis]) {
      axes.push({ stride, size, groupStride });
      groupStride *= size;
    }
    stride *= size;
  }
  return (index) => {
    let group = 0;
    for (const axis of axes) group += (Math.floor(index / axis.stride) % axis.size) * axis.groupStride;
    return group;
  };
}
