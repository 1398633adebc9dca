import { readNumber } from '../../tensor/tensor.ts';
import type { BatchedModel } from '../batched-model.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../testcase-batch.ts';
import type { CalibrationRange } from './kind.ts';

/** Testcases of a run, and tensors looked at in one. */
const BATCH_ROWS = 64;
const TENSORS_PER_RUN = 8;

/**
 * The least and the greatest value that each tensor comes to on testcases. Values that are not finite don't count.
 *
 * @param beat called between runs
 */
export async function calibrateRanges(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
  tensors: readonly string[],
  beat: () => void,
): Promise<ReadonlyMap<string, CalibrationRange>> {
  const spans = new Map<string, [low: number, high: number]>();
  const inputs = model.model.inputs.map(({ name }) => name);
  const watchable = new Set(model.model.watchable);
  const widen = (name: string, low: number, high: number): void => {
    const [least, most] = spans.get(name) ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    spans.set(name, [Math.min(least, low), Math.max(most, high)]);
  };
  const made = tensors.filter((name) => watchable.has(name));
  for (const some of groupIntoBatches(
    testcases,
    ({ form }) => form,
    Math.min(BATCH_ROWS, model.maxBatchSize),
  )) {
    const block = packBatch(some);
    for (const [i, name] of inputs.entries()) {
      if (!tensors.includes(name)) continue;
      const { type, size } = block.form.inputs[i];
      widen(
        name,
        ...rangeIn(block.inputs[i].length, (k) => readNumber(type, block.inputs[i], k), size * some.length),
      );
    }
    for (let from = 0; from < made.length; from += TENSORS_PER_RUN) {
      const names = made.slice(from, from + TENSORS_PER_RUN);
      const { activations } = await model.model.run(model.feeds(block, some.length), names);
      for (const { name, type, data } of activations)
        widen(name, ...rangeIn(data.length, (k) => readNumber(type, data, k), data.length));
      beat();
    }
  }
  return spans;
}

function rangeIn(length: number, at: (k: number) => number, count: number): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < Math.min(length, count); k++) {
    const value = at(k);
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
