import { splitNeighbours } from '../../inputs/split-values.ts';
import type { MutatorKind } from '../mutator.ts';
import { drawCount, makeCountParameter } from '../numeric/count-parameter.ts';

const MOST = makeCountParameter('values', 8);

/** Sets values to split values of the model's decision trees, or to the numbers next to them: the other side of the split. */
export const splitValue: MutatorKind = {
  name: 'split-value',
  help: "sets one column or a few to a split value of the model's decision trees, or to the number just below or above it",
  source: 'dictionaries of the constants of a program (AFL, libFuzzer), for decision trees',
  domains: ['splits'],
  parameters: [MOST],
  cost: 8,
  make(value, { type, splits = [] }) {
    const most = value(MOST);
    const candidates = splits.map((values) =>
      Float64Array.from(values.flatMap((split) => splitNeighbours(type, split))),
    );
    const columns = candidates.flatMap(({ length }, column) => (length > 0 ? [column] : []));
    return {
      mutate(out, offset, parent, { random }) {
        out.set(parent, offset);
        const rows = Math.floor(parent.length / candidates.length);
        if (rows === 0 || columns.length === 0) return;
        const count = drawCount(most, random);
        for (let n = 0; n < count; n++) {
          const column = columns[random.below(columns.length)];
          const values = candidates[column];
          out[offset + random.below(rows) * candidates.length + column] = values[random.below(values.length)];
        }
      },
    };
  },
};
