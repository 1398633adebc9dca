import { DTYPES, type DType, sizeOf } from '../../tensor/tensor.ts';
import { roundToType, smallestNormal, sumError } from '../numerical-sites/interval.ts';
import { type ElementBounds, type ElementShape, makeBounds } from './element-bounds.ts';

/** A matrix by rows (CSR): the terms of row j are those from `starts[j]` up to `starts[j + 1]`. */
export interface SparseMatrix {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  /** Undefined where all are 1. */
  readonly weights: Float64Array | undefined;
}

/** A result that is a sum of weighted elements of tensors and of a constant. */
export interface AffineForm extends ElementShape {
  /** A row of each matrix for each element of the result; the columns are elements of the tensor. */
  readonly terms: readonly { readonly tensor: string; readonly matrix: SparseMatrix }[];
  readonly offset: Float64Array | undefined;
  /** Magnitude of what the offset is computed from, which may cancel; undefined for that of the offset. */
  readonly offsetMagnitude?: Float64Array;
  /** Whether values are copied: nothing is rounded. */
  readonly isExact: boolean;
  /** How much larger than the result the partial sums are before they are scaled, as those of a mean; 1 by default. */
  readonly partialScale?: number;
}

/** A matrix with at most one term in each row: the element of the given index; none where that is negative. */
export function selection(indices: Int32Array, weights?: Float64Array): SparseMatrix {
  const starts = new Int32Array(indices.length + 1);
  for (let j = 0; j < indices.length; j++) starts[j + 1] = starts[j] + (indices[j] < 0 ? 0 : 1);
  if (starts[indices.length] === indices.length) return { starts, columns: indices, weights };
  return {
    starts,
    columns: indices.filter((index) => index >= 0),
    weights: weights?.filter((_, j) => indices[j] >= 0),
  };
}

/** A result whose elements are elements of one tensor; zero where the index is negative. */
export function copyForm(shape: ElementShape, tensor: string, indices: Int32Array): AffineForm {
  return { ...shape, terms: [{ tensor, matrix: selection(indices) }], offset: undefined, isExact: true };
}

/** Bounds of an affine result, and of the runtime's error in each element. */
export interface AffineBounds {
  readonly bounds: ElementBounds;
  /** Bound on the absolute difference of the computed result from the form; undefined for none. */
  readonly error: Float64Array | undefined;
}

/**
 * Bounds of an affine form's result, rounded outward, with the runtime's error in the result's type.
 *
 * @param operands bounds of the tensor of each of the form's terms
 */
export function evaluateAffine(
  form: AffineForm,
  type: DType,
  operands: readonly ElementBounds[],
): AffineBounds {
  const { terms, offset, offsetMagnitude, isExact, partialScale = 1 } = form;
  const size = sizeOf(form.shape);
  const bounds = makeBounds(form);
  const error = isExact ? undefined : new Float64Array(size);
  const { max } = DTYPES[type];
  const normal = smallestNormal(type);
  for (let j = 0; j < size; j++) {
    let low = offset?.[j] ?? 0;
    let high = low;
    let magnitude = offsetMagnitude?.[j] ?? Math.abs(low);
    let weightSum = 1;
    let count = 1;
    for (let t = 0; t < terms.length; t++) {
      const { starts, columns, weights } = terms[t].matrix;
      const operand = operands[t];
      const end = starts[j + 1];
      for (let k = starts[j]; k < end; k++) {
        const weight = weights === undefined ? 1 : weights[k];
        if (weight === 0) continue;
        const a = weight * operand.low[columns[k]];
        const b = weight * operand.high[columns[k]];
        low += a < b ? a : b;
        high += a < b ? b : a;
        magnitude += Math.max(Math.abs(a), Math.abs(b));
        weightSum += Math.abs(weight);
        // A weight so small that it is rounded, or flushed to zero.
        if (Math.abs(weight) < normal) weightSum += Math.max(Math.abs(a), Math.abs(b)) / Math.abs(weight);
        count++;
      }
    }
    if (error !== undefined) {
      // Partial sums may overflow although the result would not.
      const overflows = !(magnitude * partialScale <= max);
      const slack = sumError(count, type) * magnitude + (weightSum + count) * normal;
      error[j] = overflows ? Number.POSITIVE_INFINITY : slack;
      low -= error[j];
      high += error[j];
    }
    bounds.low[j] = Number.isNaN(low) ? Number.NEGATIVE_INFINITY : low;
    bounds.high[j] = Number.isNaN(high) ? Number.POSITIVE_INFINITY : high;
  }
  if (!isExact) clipToType(bounds, type);
  return { bounds, error };
}

/** Ends beyond a type's largest number are infinite; integers may wrap. */
function clipToType({ low, high }: ElementBounds, type: DType): void {
  const { max } = DTYPES[type];
  if (DTYPES[type].kind === 'float') {
    for (let j = 0; j < low.length; j++) {
      if (low[j] < -max) low[j] = Number.NEGATIVE_INFINITY;
      if (high[j] > max) high[j] = Number.POSITIVE_INFINITY;
    }
    return;
  }
  for (let j = 0; j < low.length; j++) {
    const rounded = roundToType({ low: low[j], high: high[j] }, type, true);
    low[j] = rounded.low;
    high[j] = rounded.high;
  }
}
