import type { BatchResult } from '../../model/batched-model.ts';
import { sumOfSquares } from '../../tensor/reductions.ts';
import { type DType, readNumber, type TensorData } from '../../tensor/tensor.ts';
import { stepQuantile } from '../calibration.ts';
import type { CoverageCriterionKind, WalkStep } from '../criterion.ts';
import { toFiniteFloat32 } from '../observation.ts';

export const CELL = {
  name: 'cell',
  default: 0.2,
  help: 'for one tensor: difference of two lengths above which a length is new, relative to the median step of a random walk',
  min: 1e-6,
  max: 1e6,
} as const;

/**
 * The length (L2 norm) of each watched tensor. There are few lengths between the shortest and the longest seen, so soon only
 * longer or shorter ones are new and the search goes outward, where numbers overflow; among all values there is always
 * something new within. TensorFuzz does the same for NaN with the sum of the logits' magnitudes (its
 * lib/coverage_functions.py).
 */
export const norm: CoverageCriterionKind = {
  name: 'norm',
  help: 'vector norm',
  equation:
    'o(x) = (‖t(x)‖) for each watched tensor t; new: min ‖o(x) − o(y)‖² over all entries y > threshold',
  source: 'TensorFuzz (Odena & Goodfellow 2018), lib/coverage_functions.py',
  parameters: [CELL],
  make(values) {
    const cell = values(CELL);
    return { observe: tensorNorms, calibrate: (walk) => calibrateByCell(walk, cell) };
  },
};

/** The length of each watched tensor, `[rows, tensors]`. */
export function tensorNorms({ rows, activations }: BatchResult): Float32Array {
  const width = activations.length;
  const norms = new Float32Array(rows * width);
  activations.forEach(({ type, size, data }, column) => {
    for (let row = 0; row < rows; row++) {
      const squares = squaresOf(type, data, row * size, (row + 1) * size);
      norms[row * width + column] =
        squares < MAX_EXACT_SQUARES ? Math.sqrt(squares) : largeNorm(type, data, row * size, size);
    }
  });
  return norms;
}

/** Sum of squares below which the length is a number of single precision. */
const MAX_EXACT_SQUARES = 1e76;

/** The length of values whose squares may overflow: scaled by the largest, and finite where they are. */
function largeNorm(type: DType, data: TensorData, from: number, size: number): number {
  let largest = 0;
  for (let i = from; i < from + size; i++) {
    const magnitude = Math.abs(readNumber(type, data, i));
    if (!Number.isFinite(magnitude)) return magnitude;
    largest = Math.max(largest, magnitude);
  }
  let squares = 0;
  for (let i = from; i < from + size; i++) squares += (readNumber(type, data, i) / largest) ** 2;
  return toFiniteFloat32(largest * Math.sqrt(squares));
}

function squaresOf(type: DType, data: TensorData, from: number, to: number): number {
  if (data instanceof Float32Array) return sumOfSquares(data, from, to);
  let squares = 0;
  for (let i = from; i < to; i++) {
    const value = readNumber(type, data, i);
    squares += value * value;
  }
  return squares;
}

/** The squared difference of two lengths of one tensor that is a cell; of several tensors, the median squared step. */
export function calibrateByCell(walk: readonly WalkStep[], cell: number): number | undefined {
  const median = stepQuantile(walk, 0.5);
  if (median === undefined) return undefined;
  // Cells fill a line; in more dimensions there is space for nearly every step to be new.
  return walk[0].vector.length > 1 ? median : median * cell ** 2;
}
