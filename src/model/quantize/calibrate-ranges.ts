import { readNumber, rowsOf, type Tensor } from '../../tensor/tensor.ts';
import type { BatchedModel } from '../batched-model.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../testcase-batch.ts';
import type { CalibrationRange } from './kind.ts';

const MAX_ROWS_PER_RUN = 64;
const MAX_TENSORS_PER_RUN = 8;

/**
 * The range of each tensor over testcases; values that are not finite are left out.
 *
 * @param tensors inputs and watchable tensors; others are ignored
 * @param beat called between runs
 */
export async function calibrateRanges(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
  tensors: readonly string[],
  beat: () => void,
): Promise<ReadonlyMap<string, CalibrationRange>> {
  const ranges = new Map<string, CalibrationRange>();
  const widen = (name: string, tensor: Pick<Tensor, 'type' | 'data'>): void => {
    const [low, high] = rangeOf(tensor);
    const [min, max] = ranges.get(name) ?? EMPTY_RANGE;
    ranges.set(name, [Math.min(min, low), Math.max(max, high)]);
  };
  const watchable = new Set(model.model.watchable);
  const watched = tensors.filter((name) => watchable.has(name));
  const maxRows = Math.min(MAX_ROWS_PER_RUN, model.maxBatchSize);
  for (const group of groupIntoBatches(testcases, ({ form }) => form, maxRows)) {
    const rows = group.length;
    const batch = packBatch(group);
    for (const [i, { name }] of model.model.inputs.entries()) {
      if (!tensors.includes(name)) continue;
      const { type, size } = batch.form.inputs[i];
      widen(name, { type, data: rowsOf(batch.inputs[i], size, 0, rows) });
    }
    for (let from = 0; from < watched.length; from += MAX_TENSORS_PER_RUN) {
      const names = watched.slice(from, from + MAX_TENSORS_PER_RUN);
      const { activations } = await model.model.run(model.feeds(batch, rows), names);
      for (const tensor of activations) widen(tensor.name, tensor);
      beat();
    }
  }
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
