import type { MutatorKind } from '../mutator.ts';

const RATE = {
  name: 'rate',
  default: 0.05,
  help: 'share of the values that are flipped, at least one',
  min: 0,
  max: 1,
} as const;

/** Mirrors some values within their bounds: of flags, true becomes false and false true. */
export const flip: MutatorKind = {
  name: 'flip',
  help: 'flips some values: true to false, low to high',
  source: 'bit flips of AFL (Zalewski, technical whitepaper), for values instead of bits',
  domains: ['flags', 'numbers'],
  parameters: [RATE],
  staysInBounds: true,
  cost: 1,
  make(value) {
    const rate = value(RATE);
    return {
      mutate(out, offset, parent, { bounds, random }) {
        const { length } = parent;
        out.set(parent, offset);
        const count = Math.max(1, Math.round(rate * length));
        for (let n = 0; n < count && length > 0; n++) {
          const i = random.below(length);
          const value = bounds.low[i] + bounds.high[i] - out[offset + i];
          out[offset + i] = Math.min(bounds.high[i], Math.max(bounds.low[i], value));
        }
      },
    };
  },
};
