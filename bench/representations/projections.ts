import { drawNormal, randomStream } from '../../src/core/random.ts';
import { defineCoverage } from '../../src/index.ts';
import { besideLength, WEIGHT } from './beside-lengths.ts';

const PROJECTIONS = 3;

/** (‖x‖, w·Px) with a random matrix P of three rows. */
export default defineCoverage({
  name: 'projections',
  help: 'length and three random projections',
  parameters: [WEIGHT],
  make(values, { seed }) {
    const weight = values(WEIGHT);
    let matrix: Float64Array | undefined;
    return besideLength(
      () => PROJECTIONS,
      (data, from, size, target) => {
        matrix ??= projectionOf(seed, size);
        for (let p = 0; p < PROJECTIONS; p++) {
          let sum = 0;
          for (let i = 0; i < size; i++) sum += matrix[p * size + i] * data[from + i];
          target[p] = weight * sum;
        }
      },
    );
  },
});

function projectionOf(seed: string, size: number): Float64Array {
  const random = randomStream(seed, 'projections');
  return Float64Array.from({ length: PROJECTIONS * size }, () => drawNormal(random) / Math.sqrt(size));
}
