import type { MutatorKind } from '../mutator.ts';

/** Shuffles the slices along the first dimension longer than 1, for models that must not depend on their order. */
export const reorder: MutatorKind = {
  name: 'reorder',
  help: 'changes the order of rows, along the first dimension',
  source: 'permutation relations of metamorphic testing (Xie et al. 2011)',
  domains: ['numbers'],
  parameters: [],
  geometric: true,
  cost: 2,
  make(_value, { size }) {
    const order = new Int32Array(size);
    return {
      mutate(out, offset, parent, { random, shape }) {
        const rows = shape.find((length) => length > 1) ?? 1;
        const width = parent.length / rows;
        for (let row = 0; row < rows; row++) {
          const other = random.below(row + 1);
          order[row] = order[other];
          order[other] = row;
        }
        for (let row = 0; row < rows; row++)
          for (let i = 0; i < width; i++) out[offset + row * width + i] = parent[order[row] * width + i];
      },
    };
  },
};
