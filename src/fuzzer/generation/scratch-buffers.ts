import { makeWorkingArray, type WorkingArray } from '../../constraints/bounds.ts';
import { type DType, readNumber, type TensorData } from '../../tensor/tensor.ts';

/** Where the values of one input are worked on. */
export interface ScratchBuffers {
  readonly mutant: WorkingArray;
  /** A parent's or mate's values as mutators see them; good until the next. */
  parent(data: TensorData): WorkingArray;
  partner(data: TensorData): WorkingArray;
  resized(parent: WorkingArray, size: number): WorkingArray;
  intermediate(step: number, size: number): WorkingArray;
}

/**
 * @param size values of the largest row
 * @param stages two arrays that float32 values pass through
 */
export function makeScratchBuffers(
  type: DType,
  size: number,
  stages: readonly Float32Array[],
): ScratchBuffers {
  const isFloat = type === 'float32';
  const views = new Map<number, readonly WorkingArray[]>();
  const room = (): Float64Array => new Float64Array(isFloat ? 0 : size);
  const [parents, mates, mutant] = [room(), room(), room()];
  const lengths = makeWorkingArray(type, size);
  const own = [room(), room()];
  const convert = (data: TensorData, into: Float64Array): WorkingArray => {
    if (isFloat) return data as Float32Array;
    const values = into.subarray(0, data.length);
    for (let i = 0; i < data.length; i++) values[i] = readNumber(type, data, i);
    return values;
  };
  return {
    mutant,
    parent: (data) => convert(data, parents),
    partner: (data) => convert(data, mates),
    resized(parent, size) {
      const values = lengths.subarray(0, size);
      for (let i = 0; i < size; i++) values[i] = parent[Math.min(i, parent.length - 1)];
      return values;
    },
    intermediate(step, size) {
      let pair = views.get(size);
      if (pair === undefined) {
        pair = (isFloat ? stages : own).map((array) => array.subarray(0, size));
        views.set(size, pair);
      }
      return pair[step % 2];
    },
  };
}
