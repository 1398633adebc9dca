import { drawNormal, randomStream } from '../../src/core/random.ts';
import type { Observations } from '../../src/coverage/observation.ts';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';

/** Vectors of normally distributed numbers, the same for a seed. */
export function randomVectors(count: number, width: number, seed: string): Float32Array[] {
  const random = randomStream(seed);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: width }, () => 10 * drawNormal(random)),
  );
}

/** Rows side by side, as criteria give them. */
export function observationsOf(...rows: readonly (readonly number[])[]): Observations {
  return { vectors: Float32Array.from(rows.flat()), width: rows[0]?.length ?? 0 };
}

/** A tensor of a run, `[rows, ...shape]`, from one list of numbers for each row. */
export function tensorOf(
  name: string,
  rows: readonly (readonly number[])[],
  shape: readonly number[] = [rows[0].length],
): BatchTensor {
  return { name, type: 'float32', size: rows[0].length, shape, data: Float32Array.from(rows.flat()) };
}

/** A run of which only the watched tensors are looked at. */
export function runOf(...activations: readonly BatchTensor[]): BatchResult {
  const [{ data, size }] = activations;
  return { rows: data.length / size, inputs: [], outputs: [], activations };
}
