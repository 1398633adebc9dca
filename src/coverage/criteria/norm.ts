import type { BatchResult } from '../../model/batched-model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { stepQuantile } from '../calibration.ts';
import type { CoverageCriterionKind, WalkStep } from '../criterion.ts';

const CELL = {
  name: 'cell',
  default: 0.2,
  help: 'of one tensor: the difference of two lengths above which one is new, over the median step of a random walk',
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
  help: 'the length of each tensor',
  source: 'TensorFuzz (Odena & Goodfellow 2018), lib/coverage_functions.py',
  parameters: [CELL],
  make(values) {
    const cell = values(CELL);
    return { observe: tensorNorms, calibrate: (walk) => calibrateByCell(walk, cell) };
  },
};

function tensorNorms({ rows, activations }: BatchResult): Float32Array {
  const width = activations.length;
  const norms = new Float32Array(rows * width);
  activations.forEach(({ type, size, data }, column) => {
    for (let row = 0; row < rows; row++) {
      let squares = 0;
      for (let i = row * size; i < (row + 1) * size; i++) {
        const value = type === 'float32' ? (data[i] as number) : readNumber(type, data, i);
        squares += value * value;
      }
      norms[row * width + column] = Math.sqrt(squares);
    }
  });
  return norms;
}

function calibrateByCell(walk: readonly WalkStep[], cell: number): number | undefined {
  const median = stepQuantile(walk, 0.5);
  if (median === undefined) return undefined;
  // Cells fill a line; in more dimensions there is space for nearly every step to be new.
  return walk[0].vector.length > 1 ? median : median * cell ** 2;
}
