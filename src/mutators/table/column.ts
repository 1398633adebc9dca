import type { MutatorKind } from '../mutator.ts';
import { drawCount, makeCountParameter } from '../numeric/count-parameter.ts';

const MOST = makeCountParameter('columns', 4);

/** Maximum step of a number, as a share of its column's range; in half of the cases the number is drawn anew instead. */
const MAX_STEP_SHARE = 0.1;

/** Changes a few columns by their kinds: a number by a step or to a new draw, a category to another one. */
export const column: MutatorKind = {
  name: 'column',
  help: 'changes one column or a few as their kind allows: by a step, to another number or another category',
  source: 'attribute-wise changes of tabular data, as in Cartella et al. 2021',
  domains: ['table'],
  parameters: [MOST],
  staysInBounds: true,
  cost: 1,
  make(value, { columns = [] }) {
    const most = value(MOST);
    return {
      mutate(out, offset, parent, { bounds, random }) {
        out.set(parent, offset);
        const { low, high } = bounds;
        const count = drawCount(most, random);
        for (let n = 0; n < count; n++) {
          const i = random.below(parent.length);
          const { [i % Math.max(1, columns.length)]: settings } = columns;
          if (settings?.kind === 'category') {
            const { values } = settings;
            const other = values[random.below(values.length)];
            if (other >= low[i] && other <= high[i]) out[offset + i] = other;
            continue;
          }
          const width = high[i] - low[i];
          const isStep = random.uniform() < 0.5;
          const step = width * MAX_STEP_SHARE * (2 * random.uniform() - 1);
          const anew = low[i] + width * random.uniform();
          let next = isStep ? parent[i] + step : anew;
          if (settings?.kind === 'integer') {
            const least = isStep ? Math.sign(step) : 0;
            next = Math.round(Math.abs(step) < 1 && isStep ? parent[i] + least : next);
          }
          out[offset + i] = Math.min(high[i], Math.max(low[i], next));
        }
      },
    };
  },
};
