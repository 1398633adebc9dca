import type { MutatorKind } from '../mutator.ts';

/** Share of the mutants of a mask of several rows in which one row alone is padded. */
const SINGLE_ROW_SHARE = 0.5;

/** Masks a stretch at one end of the last dimension, of any length, as sentences of a batch are padded. */
export const padding: MutatorKind = {
  name: 'padding',
  help: 'masks a stretch at one end, up to the whole row, and unmasks the rest',
  source: 'padding masks of the Transformer (Vaswani et al. 2017)',
  domains: ['mask', 'flags'],
  parameters: [],
  staysInBounds: true,
  cost: 1,
  make() {
    return {
      mutate(out, offset, parent, { bounds: { low, high }, random, shape }) {
        out.set(parent, offset);
        const { length } = parent;
        const width = shape.at(-1) ?? length;
        if (width === 0) return;
        const rows = length / width;
        const masked = random.below(width + 1);
        const isAtStart = random.uniform() < 0.5;
        const [from, to] = isAtStart ? [0, masked] : [width - masked, width];
        const isSingle = rows > 1 && random.uniform() < SINGLE_ROW_SHARE;
        const first = isSingle ? random.below(rows) : 0;
        const last = isSingle ? first + 1 : rows;
        for (let row = first; row < last; row++)
          for (let k = 0; k < width; k++) {
            const i = row * width + k;
            out[offset + i] = k >= from && k < to ? low[i] : high[i];
          }
      },
    };
  },
};
