import type { MutatorKind } from '../mutator.ts';

/** Exchanges two strings of a row. */
export const permute: MutatorKind = {
  name: 'permute',
  help: 'swaps two strings of a testcase',
  source: 'word order as in EDA (Wei and Zou, EMNLP 2019)',
  domains: ['strings'],
  parameters: [],
  mayChangeMeaning: true,
  staysInBounds: true,
  cost: 3,
  make() {
    return {
      mutate(out, offset, parent, { random, shape }) {
        out.set(parent, offset);
        const width = shape[shape.length - 1];
        const rows = width === 0 ? 0 : parent.length / width;
        if (rows < 2) return;
        const first = random.below(rows);
        const second = (first + 1 + random.below(rows - 1)) % rows;
        for (let i = 0; i < width; i++) {
          out[offset + first * width + i] = parent[second * width + i];
          out[offset + second * width + i] = parent[first * width + i];
        }
      },
    };
  },
};
