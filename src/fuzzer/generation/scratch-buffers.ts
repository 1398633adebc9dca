import { makeWorkingArray, type WorkingArray } from '../../constraints/bounds.ts';
import { type DType, readNumber, type TensorData } from '../../tensor/tensor.ts';

/** Buffers for the values of one input while it is mutated. Each method reuses the array it returned before. */
export interface ScratchBuffers {
  /** Receives a mutant that is not float32, before it is rounded to the input's type. */
  readonly mutant: WorkingArray;
  /** A parent's values in the type that mutators work in: the array itself for float32. */
  parent(data: TensorData): WorkingArray;
  /** A crossover partner's values, likewise. */
  partner(data: TensorData): WorkingArray;
  /** A parent truncated, or padded with its last value. */
  resized(parent: WorkingArray, size: number): WorkingArray;
  /** Receives the values between two mutators of a stack: step n reads what step n − 1 wrote. */
  intermediate(step: number, size: number): WorkingArray;
}

/**
 * @param size values of the largest row
 * @param floatIntermediates two arrays of at least `size` for the values between the mutators of a float32 input
 */
export function makeScratchBuffers(
  type: DType,
  size: number,
  floatIntermediates: readonly Float32Array[],
): ScratchBuffers {
  const isFloat = type === 'float32';
  const makeBuffer = (): Float64Array => new Float64Array(isFloat ? 0 : size);
  const [parents, partners, mutant] = [makeBuffer(), makeBuffer(), makeBuffer()];
  const resizedParent = makeWorkingArray(type, size);
  const intermediates = isFloat ? floatIntermediates : [makeBuffer(), makeBuffer()];
  const viewsBySize = new Map<number, readonly WorkingArray[]>();
  const toWorkingArray = (data: TensorData, buffer: Float64Array): WorkingArray => {
    if (data instanceof Float32Array) return data;
    const values = buffer.subarray(0, data.length);
    for (let i = 0; i < data.length; i++) values[i] = readNumber(type, data, i);
    return values;
  };
  return {
    mutant,
    parent: (data) => toWorkingArray(data, parents),
    partner: (data) => toWorkingArray(data, partners),
    resized(parent, newSize) {
      const values = resizedParent.subarray(0, newSize);
      for (let i = 0; i < newSize; i++) values[i] = parent[Math.min(i, parent.length - 1)];
      return values;
    },
    intermediate(step, rowSize) {
      let views = viewsBySize.get(rowSize);
      if (views === undefined) {
        views = intermediates.map((array) => array.subarray(0, rowSize));
        viewsBySize.set(rowSize, views);
      }
      return views[step % 2];
    },
  };
}
