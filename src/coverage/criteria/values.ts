import type { BatchResult } from '../../model/batched-model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import type { CoverageCriterionKind } from '../criterion.ts';
import { RandomProjection } from './random-projection.ts';

/** Numbers that are compared as they are; wider vectors are projected. */
export const MAX_UNPROJECTED_WIDTH = 256;

/**
 * All values of the watched tensors, joined in the order of the request, and projected where they are more than
 * `MAX_UNPROJECTED_WIDTH` or their number varies.
 */
export const values: CoverageCriterionKind = {
  name: 'values',
  help: 'all values',
  make({ seed, varying }) {
    const projections = new Map<number, RandomProjection>();
    return {
      observe(result) {
        const joined = joinActivations(result);
        const width = joined.length / result.rows;
        if (width <= MAX_UNPROJECTED_WIDTH && !varying) return joined;
        let projection = projections.get(width);
        if (projection === undefined) {
          projection = new RandomProjection(width, seed);
          projections.set(width, projection);
        }
        return projection.project(joined, result.rows);
      },
    };
  },
};

/** The watched tensors side by side, `[rows, width]`. */
function joinActivations({ activations, rows }: BatchResult): Float32Array {
  if (activations.length === 1 && activations[0].data instanceof Float32Array) return activations[0].data;
  const width = activations.reduce((sum, tensor) => sum + tensor.size, 0);
  const joined = new Float32Array(rows * width);
  let column = 0;
  for (const { type, size, data } of activations) {
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < size; i++)
        joined[row * width + column + i] = readNumber(type, data, row * size + i);
    }
    column += size;
  }
  return joined;
}
