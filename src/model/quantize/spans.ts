import { readNumber } from '../../tensor/tensor.ts';
import { batches, packRows, type RowModel, type Rows } from '../batched-model.ts';
import type { Span } from './kind.ts';

/** Testcases of a run, and tensors looked at in one. */
const ROWS_AT_ONCE = 64;
const TENSORS_AT_ONCE = 8;

/**
 * The least and the greatest value that each tensor comes to on testcases. Values that are not finite don't count.
 *
 * @param beat called between runs
 */
export async function spansOf(
  model: RowModel,
  testcases: readonly Rows[],
  tensors: readonly string[],
  beat: () => void,
): Promise<ReadonlyMap<string, Span>> {
  const spans = new Map<string, [low: number, high: number]>();
  const inputs = model.model.inputs.map(({ name }) => name);
  const watchable = new Set(model.model.watchable);
  const widen = (name: string, low: number, high: number): void => {
    const [least, most] = spans.get(name) ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    spans.set(name, [Math.min(least, low), Math.max(most, high)]);
  };
  const made = tensors.filter((name) => watchable.has(name));
  for (const some of batches(testcases, ({ form }) => form, Math.min(ROWS_AT_ONCE, model.largestBatch))) {
    const block = packRows(some);
    for (const [i, name] of inputs.entries()) {
      if (!tensors.includes(name)) continue;
      const { type, size } = block.form.inputs[i];
      widen(
        name,
        ...spanIn(block.columns[i].length, (k) => readNumber(type, block.columns[i], k), size * some.length),
      );
    }
    for (let from = 0; from < made.length; from += TENSORS_AT_ONCE) {
      const names = made.slice(from, from + TENSORS_AT_ONCE);
      const { activations } = await model.model.run(model.feeds(block, some.length), names);
      for (const { name, type, data } of activations)
        widen(name, ...spanIn(data.length, (k) => readNumber(type, data, k), data.length));
      beat();
    }
  }
  return spans;
}

function spanIn(length: number, at: (k: number) => number, count: number): [low: number, high: number] {
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
