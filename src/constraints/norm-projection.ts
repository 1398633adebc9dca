import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { columnAt } from '../inputs/table-column.ts';
import type { ShapeSignature, TestcaseBatch } from '../model/batched-model.ts';
import { DTYPES, readNumber, type TensorData, writeNumber } from '../tensor/tensor.ts';
import { nthLargest } from './nth-largest.ts';

/** Mutants are scaled to slightly less than the radius, so that rounding their values does not exceed it. */
export const INWARD_FACTOR = 1 - 1e-6;
const INWARD_FACTOR_FLOAT16 = 1 - 2e-3;

/** Projects mutants onto L0 and L2 balls around their ancestor, in place. Distances are over all mutated inputs. */
export class NormProjection {
  readonly #descriptors: readonly InputDescriptor[];
  readonly #mutatedInputs: readonly number[];
  /** Scratch: distance of each value from the ancestor's. */
  readonly #distances: Float64Array;

  /** @param maxValues values in the largest row of all inputs together */
  constructor(descriptors: readonly InputDescriptor[], mutatedInputs: readonly number[], maxValues: number) {
    this.#descriptors = descriptors;
    this.#mutatedInputs = mutatedInputs;
    this.#distances = new Float64Array(maxValues);
  }

  /** L0: restores the ancestor's values but for the `maxChanges` largest changes, each relative to its input's range. */
  projectL0(
    maxChanges: number,
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
  ): void {
    const distances = this.#distances;
    let count = 0;
    let changes = 0;
    for (const input of this.#mutatedInputs) {
      const { size } = form.inputs[input];
      const { type, range } = this.#descriptors[input];
      const width = range.high - range.low || 1;
      for (let i = 0; i < size; i++) {
        const from = readNumber(type, ancestor.inputs[input], i);
        const distance = Math.abs(readNumber(type, inputs[input], row * size + i) - from) / width;
        distances[count++] = distance;
        if (distance > 0) changes++;
      }
    }
    if (changes <= maxChanges) return;
    const smallestKept = nthLargest(distances.slice(0, count), maxChanges);
    let ties = maxChanges;
    for (let i = 0; i < count; i++) if (distances[i] > smallestKept) ties--;
    let index = 0;
    for (const input of this.#mutatedInputs) {
      const { size } = form.inputs[input];
      for (let i = 0; i < size; i++) {
        const distance = distances[index++];
        if (distance > smallestKept || (distance === smallestKept && ties-- > 0)) continue;
        inputs[input][row * size + i] = ancestor.inputs[input][i];
      }
    }
  }

  /**
   * L2: scales the difference from the ancestor down to the radius. Changes of integers are rounded toward the ancestor,
   * and categories return to its value.
   */
  projectL2(
    radius: number,
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
  ): void {
    let squares = 0;
    let inward = INWARD_FACTOR;
    for (const input of this.#mutatedInputs) {
      const { size, type } = form.inputs[input];
      if (type === 'float16') inward = INWARD_FACTOR_FLOAT16;
      for (let i = 0; i < size; i++) {
        const difference =
          readNumber(type, inputs[input], row * size + i) - readNumber(type, ancestor.inputs[input], i);
        squares += difference * difference;
      }
    }
    const length = Math.sqrt(squares);
    if (length <= radius) return;
    const scale = (radius / length) * inward;
    for (const input of this.#mutatedInputs) {
      const { size, type } = form.inputs[input];
      const { columns } = this.#descriptors[input];
      const isInteger = DTYPES[type].kind !== 'float';
      for (let i = 0; i < size; i++) {
        const at = row * size + i;
        const from = readNumber(type, ancestor.inputs[input], i);
        const difference = readNumber(type, inputs[input], at) - from;
        if (difference === 0) continue;
        const column = columns === undefined ? undefined : columnAt(columns, i);
        if (column?.kind === 'category') inputs[input][at] = ancestor.inputs[input][i];
        else {
          const step = difference * scale;
          const isWhole = isInteger || column?.kind === 'integer';
          writeNumber(type, inputs[input], at, from + (isWhole ? Math.trunc(step) : step));
        }
      }
    }
  }
}
