import { widthAt } from '../../constraints/bounds.ts';
import type { MutatorKind } from '../mutator.ts';

const COLUMN = {
  name: 'column',
  default: 0,
  help: 'index of the column, along the last dimension',
  min: 0,
  max: 1e9,
  integer: true,
} as const;

const LEAST = {
  name: 'least',
  default: 0,
  help: "smallest amount, as a share of the column's range; below 0 the column is lowered",
  min: -1,
  max: 1,
} as const;

const MOST = {
  name: 'most',
  default: 0.1,
  help: "largest amount, as a share of the column's range",
  min: -1,
  max: 1,
} as const;

/** Adds a drawn amount to one column, for models that must be monotone in it. */
export const raise: MutatorKind = {
  name: 'raise',
  help: 'raises or lowers one column',
  source: 'metamorphic relations of monotone features (Sharma & Wehrheim 2020)',
  domains: ['numbers'],
  parameters: [COLUMN, LEAST, MOST],
  cost: 1,
  make(value, { columns = [] }) {
    const column = value(COLUMN);
    const [least, most] = [value(LEAST), value(MOST)];
    return {
      mutate(out, offset, parent, { bounds, random, shape }) {
        out.set(parent, offset);
        const width = shape.at(-1) ?? 1;
        const share = least + (most - least) * random.uniform();
        for (let i = Math.min(column, width - 1); i < parent.length; i += width) {
          const range = columns.length > 0 ? bounds.high[i] - bounds.low[i] : widthAt(bounds, i);
          const next = parent[i] + share * range;
          const isWhole = columns[i % Math.max(1, columns.length)]?.kind === 'integer';
          out[offset + i] = isWhole ? (share < 0 ? Math.floor(next) : Math.ceil(next)) : next;
        }
      },
    };
  },
};
