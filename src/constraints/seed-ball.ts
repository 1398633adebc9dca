import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { ShapeSignature, TestcaseBatch } from '../model/testcase-batch.ts';
import { DTYPES, readNumber, type TensorData, writeNumber } from '../tensor/tensor.ts';
import { NormProjection } from './norm-projection.ts';

/**
 * Projects mutants onto a ball around their seed that is smaller than the constraints' own, in place. The constraints hold of the
 * result as they do of the mutant and of the seed, but for those of types and columns, which are to be enforced after it.
 */
export class SeedBall {
  readonly #norm: 'linf' | 'l2' | 'l0';
  readonly #descriptors: readonly InputDescriptor[];
  readonly #measuredInputs: readonly number[];
  readonly #norms: NormProjection;

  /**
   * @param mutatedInputs indices of the inputs that are mutated
   * @param maxSizes values in the largest row of each input
   */
  constructor(
    norm: 'linf' | 'l2' | 'l0',
    descriptors: readonly InputDescriptor[],
    mutatedInputs: readonly number[],
    maxSizes: readonly number[],
  ) {
    this.#norm = norm;
    this.#descriptors = descriptors;
    this.#measuredInputs = mutatedInputs.filter((input) => descriptors[input].strings === undefined);
    const maxValues = maxSizes.reduce((sum, size) => sum + size, 0);
    this.#norms = new NormProjection(descriptors, this.#measuredInputs, maxValues);
  }

  /**
   * Projects one row. A row of another size than its seed's stays as it is.
   *
   * @param inputs one array per input, `[rows, size]`
   */
  project(
    radius: number,
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    seed: TestcaseBatch,
  ): void {
    if (form.key !== seed.form.key) return;
    if (this.#norm === 'l0') this.#norms.projectL0(radius, form, inputs, row, seed);
    else if (this.#norm === 'l2') this.#norms.projectL2(radius, form, inputs, row, seed);
    else for (const input of this.#measuredInputs) this.#clip(radius, form, inputs[input], row, seed, input);
  }

  #clip(
    radius: number,
    form: ShapeSignature,
    values: TensorData,
    row: number,
    seed: TestcaseBatch,
    input: number,
  ): void {
    const { size, type } = form.inputs[input];
    const from = seed.inputs[input];
    const offset = row * size;
    if (values instanceof Float32Array && from instanceof Float32Array) {
      // Hot where the least distance is sought: no call a value.
      for (let i = 0; i < size; i++) {
        const difference = values[offset + i] - from[i];
        if (difference > radius) values[offset + i] = from[i] + radius;
        else if (difference < -radius) values[offset + i] = from[i] - radius;
      }
      return;
    }
    const isWhole = DTYPES[type].kind !== 'float' || this.#descriptors[input].columns !== undefined;
    const limit = isWhole ? Math.floor(radius) : radius;
    for (let i = 0; i < size; i++) {
      const before = readNumber(type, from, i);
      const difference = readNumber(type, values, offset + i) - before;
      if (Math.abs(difference) > limit)
        writeNumber(type, values, offset + i, before + Math.sign(difference) * limit);
    }
  }
}
