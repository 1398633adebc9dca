import type { BatchResult } from '../model/batched-model.ts';
import { indexOfGreatest } from '../tensor/reductions.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import { NO_CLASS } from './class-label.ts';

/**
 * The class that a model puts a testcase in: the place of the greatest value of its first output that is a vector. Outputs of several
 * dimensions, such as masks, boxes or the states of a recurrent network, hold no scores of classes.
 */
export function predictedClassOf({ outputs, texts }: BatchResult, row: number): number {
  if (texts !== undefined) return NO_CLASS;
  const output = outputs.find(
    ({ size, shape, type }) => size > 1 && Math.max(...shape) === size && DTYPES[type].kind === 'float',
  );
  if (output === undefined) return NO_CLASS;
  const { size, type, data } = output;
  if (data instanceof Float32Array) return indexOfGreatest(data, row * size, (row + 1) * size);
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < size; i++) {
    const value = readNumber(type, data, row * size + i);
    if (value > most) {
      most = value;
      best = i;
    }
  }
  return best;
}
