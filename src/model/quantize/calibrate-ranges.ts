import { readNumber, type Tensor } from '../../tensor/tensor.ts';
import type { BatchedModel } from '../batched-model.ts';
import type { TestcaseBatch } from '../testcase-batch.ts';
import { visitTensors } from '../visit-tensors.ts';
import type { CalibrationRange } from './kind.ts';

/**
 * The range of each tensor over testcases; values that are not finite are left out.
 *
 * @param tensors inputs and watchable tensors; others are ignored
 * @param beat called between runs, with the share of the work that is done
 */
export async function calibrateRanges(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
  tensors: readonly string[],
  beat: (share: number) => void,
): Promise<ReadonlyMap<string, CalibrationRange>> {
  const ranges = new Map<string, CalibrationRange>();
  const widen = (name: string, tensor: Pick<Tensor, 'type' | 'data'>): void => {
    const [low, high] = rangeOf(tensor);
    const [min, max] = ranges.get(name) ?? EMPTY_RANGE;
    ranges.set(name, [Math.min(min, low), Math.max(max, high)]);
  };
  await visitTensors(model, testcases, tensors, widen, beat);
  return ranges;
}

const EMPTY_RANGE: CalibrationRange = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function rangeOf({ type, data }: Pick<Tensor, 'type' | 'data'>): CalibrationRange {
  let [low, high] = EMPTY_RANGE;
  for (let i = 0; i < data.length; i++) {
    const value = readNumber(type, data, i);
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
