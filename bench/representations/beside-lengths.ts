import { calibrateByCell, tensorNorms } from '../../src/coverage/criteria/norm.ts';
import type { CriterionImplementation } from '../../src/coverage/criterion.ts';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';

/** The weight of what is beside the length. */
export const WEIGHT = { name: 'weight', default: 0.01, help: 'weight beside the length', min: 0, max: 1e6 };

/** As `norm` has it. */
const CELL = 0.2;

/** Writes `width` numbers of a row, which begins at `from` in the tensor's data. */
export type WriteRow = (data: Float32Array, from: number, size: number, target: Float32Array) => void;

/**
 * A criterion of one watched tensor that compares its length, or the length's logarithm, and other numbers beside it. The threshold is that
 * of the length alone.
 */
export function besideLength(
  widthOf: (tensor: BatchTensor) => number,
  writeRow: WriteRow,
  isLogarithm = false,
): CriterionImplementation {
  return {
    observe(result: BatchResult) {
      const [tensor] = result.activations;
      const { data, size } = tensor;
      if (!(data instanceof Float32Array)) throw new Error('the watched tensor is not float32');
      const lengths = tensorNorms(result);
      const width = 1 + widthOf(tensor);
      const observations = new Float32Array(result.rows * width);
      for (let row = 0; row < result.rows; row++) {
        observations[row * width] = isLogarithm ? Math.log(1e-6 + lengths[row]) : lengths[row];
        writeRow(data, row * size, size, observations.subarray(row * width + 1, (row + 1) * width));
      }
      return observations;
    },
    calibrate: (walk) =>
      calibrateByCell(
        walk.map(({ vector, from }) => ({ vector: vector.subarray(0, 1), from: from.subarray(0, 1) })),
        CELL,
      ),
  };
}

/** Length, or its logarithm, and direction with a weight: w·x/‖x‖. */
export function besideDirection(weight: number, isLogarithm: boolean): CriterionImplementation {
  return besideLength(
    ({ size }) => size,
    (data, from, size, target) => {
      let squares = 0;
      for (let i = from; i < from + size; i++) squares += data[i] ** 2;
      const scale = weight / (Math.sqrt(squares) || 1);
      for (let i = 0; i < size; i++) target[i] = scale * data[from + i];
    },
    isLogarithm,
  );
}
