import { DTYPES, makeData, readNumber, writeNumber } from '../tensor/tensor.ts';
import type { Model } from './model.ts';
import type { NamedTensor } from './run-result.ts';

/**
 * A model that answers with classes alone, as to a client who sees no scores: in every float output whose last axis has several
 * values, the greatest is 1 and the others are 0. Outputs of whole numbers stay as they are.
 */
export function hideScores(model: Model): Model {
  return {
    ...model,
    // Each of them would give scores, or needs them.
    capabilities: {},
    async run(feeds, watched) {
      const result = await model.run(feeds, watched);
      return { ...result, outputs: result.outputs.map(withLabels) };
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

function isGreater(value: number, other: number): boolean {
  return value > other || (Number.isNaN(value) && !Number.isNaN(other));
}
