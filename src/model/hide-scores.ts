import { DTYPES, makeData, readNumber, writeNumber } from '../tensor/tensor.ts';
import type { Model } from './model.ts';
import type { NamedTensor } from './run-result.ts';

/**
 * A model that shows only part of its scores, as to a client of a service, in every float output whose last axis has several values.
 * Outputs of whole numbers stay as they are.
 *
 * @param shown how many of the greatest scores are shown. 0 for the class alone: the greatest is then 1, and the others are 0.
 *   Scores that are not shown share what is left of a distribution; of others, they lie below all that are shown, and below 0
 */
export function hideScores(model: Model, shown: number): Model {
  return {
    ...model,
    // Each of them would give scores, or needs them.
    capabilities: {},
    async run(feeds, watched) {
      const result = await model.run(feeds, watched);
      const hide = shown === 0 ? withLabels : (tensor: NamedTensor) => withTop(tensor, shown);
      return { ...result, outputs: result.outputs.map(hide) };
    },
    constant: (name) => model.constant(name),
    dispose: () => model.dispose(),
  };
}

/** A tensor of scores with 1 at the first of the greatest along the last axis. NaN is the greatest of all. */
function withLabels(tensor: NamedTensor): NamedTensor {
  const { type, shape, data } = tensor;
  const count = shape.at(-1) ?? 1;
  if (DTYPES[type].kind !== 'float' || count < 2) return tensor;
  const labels = makeData(type, data.length);
  for (let from = 0; from < data.length; from += count) {
    let best = from;
    for (let i = from + 1; i < from + count; i++)
      if (isGreater(readNumber(type, data, i), readNumber(type, data, best))) best = i;
    writeNumber(type, labels, best, 1);
  }
  return { ...tensor, data: labels };
}

/** How far the sum of a distribution may be from 1. */
const DISTRIBUTION_TOLERANCE = 1e-3;

/** A tensor of scores with the greatest along the last axis, and the same value in place of each of the others. */
function withTop(tensor: NamedTensor, shown: number): NamedTensor {
  const { type, shape, data } = tensor;
  const count = shape.at(-1) ?? 1;
  if (DTYPES[type].kind !== 'float' || count <= Math.max(shown, 1)) return tensor;
  const scores = makeData(type, data.length);
  for (let from = 0; from < data.length; from += count) {
    const row = Array.from({ length: count }, (_, i) => readNumber(type, data, from + i));
    const order = row
      .map((_, i) => i)
      .sort((a, b) => (isGreater(row[a], row[b]) ? -1 : isGreater(row[b], row[a]) ? 1 : a - b));
    const top = order.slice(0, shown);
    const rest = restOf(
      row,
      top.map((i) => row[i]),
    );
    const kept = new Set(top);
    for (let i = 0; i < count; i++) writeNumber(type, scores, from + i, kept.has(i) ? row[i] : rest);
  }
  return { ...tensor, data: scores };
}

/** The value of the scores that are not shown. @param top those that are, in descending order */
function restOf(row: readonly number[], top: readonly number[]): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const isDistribution = row.every((value) => value >= 0) && Math.abs(sum(row) - 1) <= DISTRIBUTION_TOLERANCE;
  if (!isDistribution) return Math.min(top[top.length - 1], 0) - 1;
  return Math.max(0, 1 - sum(top)) / (row.length - top.length);
}

function isGreater(value: number, other: number): boolean {
  return value > other || (Number.isNaN(value) && !Number.isNaN(other));
}
