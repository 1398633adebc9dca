import type { BatchResult } from '../../model/batched-model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import type { CoverageCriterionKind } from '../criterion.ts';
import { toFiniteFloat32 } from '../observation.ts';
import { PROJECTED_WIDTH, RandomProjection } from './random-projection.ts';

/** The width up to which observations are not projected. */
export const WIDTH = {
  name: 'width',
  default: 256,
  help: `maximum number of values compared without projection; more values are projected to ${PROJECTED_WIDTH} numbers`,
  min: 1,
  max: 65_536,
  integer: true,
} as const;

/**
 * All values of the watched tensors, joined in the order of the request, and projected where they are more than
 * `width` or their number varies.
 */
export const values: CoverageCriterionKind = {
  name: 'values',
  help: 'all values',
  equation: 'o(x) = all watched values; new: min ‖o(x) − o(y)‖² over all entries y > threshold',
  source: 'TensorFuzz (Odena & Goodfellow 2018), section 3.3',
  parameters: [WIDTH],
  make(parameters, { seed, varying }) {
    const maxWidth = parameters(WIDTH);
    const projections = new Map<number, RandomProjection>();
    return {
      observe(result) {
        const joined = joinActivations(result);
        const width = joined.length / result.rows;
        if (width <= maxWidth && !varying) return joined;
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
        joined[row * width + column + i] = toFiniteFloat32(readNumber(type, data, row * size + i));
    }
    column += size;
  }
  return joined;
}
