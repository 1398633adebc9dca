import { rowsOf, type Tensor } from '../tensor/tensor.ts';
import type { BatchedModel } from './batched-model.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from './testcase-batch.ts';

const MAX_ROWS_PER_RUN = 64;
const MAX_TENSORS_PER_RUN = 8;

/**
 * Runs testcases and shows tensors, a few at a time.
 *
 * @param tensors inputs and watchable tensors; others are ignored
 * @param visit called with each tensor of each run
 * @param beat called between runs, with the share of the work that is done
 */
export async function visitTensors(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
  tensors: readonly string[],
  visit: (name: string, tensor: Pick<Tensor, 'type' | 'data'>) => void,
  beat: (share: number) => void,
): Promise<void> {
  const watchable = new Set(model.model.watchable);
  const watched = tensors.filter((name) => watchable.has(name));
  const maxRows = Math.min(MAX_ROWS_PER_RUN, model.maxBatchSize);
  let done = 0;
  for (const group of groupIntoBatches(testcases, ({ form }) => form, maxRows)) {
    const rows = group.length;
    const batch = packBatch(group);
    for (const [i, { name }] of model.model.inputs.entries()) {
      if (!tensors.includes(name)) continue;
      const { type, size } = batch.form.inputs[i];
      visit(name, { type, data: rowsOf(batch.inputs[i], size, 0, rows) });
    }
    for (let from = 0; from < watched.length; from += MAX_TENSORS_PER_RUN) {
      const names = watched.slice(from, from + MAX_TENSORS_PER_RUN);
      const { activations } = await model.model.run(model.feeds(batch, rows), names);
      for (const tensor of activations) visit(tensor.name, tensor);
      beat((done + (rows * (from + names.length)) / watched.length) / testcases.length);
    }
    done += rows;
  }
}
