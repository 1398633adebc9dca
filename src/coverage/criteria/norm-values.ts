import type { BatchResult } from '../../model/batched-model.ts';
import type { CoverageCriterionKind, WalkStep } from '../criterion.ts';
import { CELL, calibrateByCell, tensorNorms } from './norm.ts';
import { values, WIDTH } from './values.ts';

const WEIGHT = {
  name: 'weight',
  default: 0.02,
  help: 'weight of the root mean square of the values relative to the lengths',
  min: 0,
  max: 1e3,
} as const;

/**
 * The length of each watched tensor, and beside them all values x with the weight w: [‖x‖, w·x/√n] for n values. The squared distance
 * of two observations is that of their lengths plus w² times the mean square of the differences. Lengths lead outward, as in `norm`;
 * the values add a line of lengths for each direction that is far enough from the others, so that a search that went far in one direction
 * still finds steps in another.
 */
export const normValues: CoverageCriterionKind = {
  name: 'norm-values',
  help: 'vector norm, and all values with a small weight',
  equation:
    'o(x) = (‖t(x)‖ for each watched tensor t, w·v/√n) with all n watched values v; new: min ‖o(x) − o(y)‖² over all entries y > threshold',
  source: 'TensorFuzz (Odena & Goodfellow 2018), section 3.3, with lengths beside the values',
  parameters: [CELL, WEIGHT, WIDTH],
  make(parameters, settings) {
    const weight = parameters(WEIGHT);
    const cell = parameters(CELL);
    const { observe: observeValues } = values.make(parameters, settings);
    let lengths = 1;
    return {
      observe(result) {
        lengths = result.activations.length;
        return besideLengths(result, observeValues(result), weight);
      },
      calibrate: (walk) => calibrateByCell(lengthsOf(walk, lengths), cell),
    };
  },
};

/** The lengths, then the weighted values, `[rows, tensors + width]`. */
function besideLengths(result: BatchResult, joined: Float32Array, weight: number): Float32Array {
  const { rows, activations } = result;
  const count = activations.reduce((sum, { size }) => sum + size, 0);
  const scale = weight / Math.sqrt(Math.max(1, count));
  const norms = tensorNorms(result);
  const lengths = activations.length;
  const width = joined.length / rows;
  const observations = new Float32Array(rows * (lengths + width));
  for (let row = 0, at = 0; row < rows; row++) {
    for (let i = 0; i < lengths; i++) observations[at++] = norms[row * lengths + i];
    for (let i = 0; i < width; i++) observations[at++] = scale * joined[row * width + i];
  }
  return observations;
}

/** A walk of which only the lengths are known: the threshold is that of `norm`. */
function lengthsOf(walk: readonly WalkStep[], lengths: number): WalkStep[] {
  return walk.map(({ vector, from }) => ({
    vector: vector.subarray(0, lengths),
    from: from.subarray(0, lengths),
  }));
}
