import type { MutatorKind } from '../mutator.ts';

/** Share of the mutants whose diagonal is where it is in a model that generates text: each place sees itself. */
const USUAL_SHARE = 0.5;

/**
 * Masks everything behind a diagonal of the last two dimensions, so that each place sees those before it. A mask of one
 * dimension is one row of that: it is masked behind a place.
 */
export const causal: MutatorKind = {
  name: 'causal',
  help: 'lets each position see only earlier ones: masks everything after a diagonal',
  source: 'masks of the decoder of the Transformer (Vaswani et al. 2017, section 3.2.3)',
  domains: ['mask', 'flags'],
  parameters: [],
  staysInBounds: true,
  cost: 2,
  make() {
    return {
      mutate(out, offset, parent, { bounds: { low, high }, random, shape }) {
        const { length } = parent;
        const width = shape.at(-1) ?? length;
        const height = shape.at(-2) ?? 1;
        if (width === 0 || height === 0) return;
        // Shifted back, the first places see nothing.
        const shift =
          height > 1 && random.uniform() < USUAL_SHARE ? 0 : random.below(height + width) - height;
        for (let i = 0; i < length; i++) {
          const row = Math.floor(i / width) % height;
          out[offset + i] = (i % width) - row <= shift ? high[i] : low[i];
        }
      },
    };
  },
};
