import type { MutatorKind } from '../mutator.ts';

const BEYOND = {
  name: 'beyond',
  default: 0.25,
  help: 'how far beyond either entry the mutant may be, as a share of the distance between them',
  min: 0,
  max: 10,
} as const;

/** A point on the line through two entries, between them or a little beyond. */
export const interpolate: MutatorKind = {
  name: 'interpolate',
  help: 'takes a point on the line through this entry and another',
  source: 'blend crossover BLX-alpha (Eshelman & Schaffer 1993); mixup (Zhang et al. 2018)',
  mayChangeMeaning: true,
  domains: ['numbers'],
  parameters: [BEYOND],
  partner: 'other',
  cost: 6,
  make(value) {
    const beyond = value(BEYOND);
    return {
      mutate(out, offset, parent, { arithmetic, partner, random }) {
        const share = (1 + 2 * beyond) * random.uniform() - beyond;
        arithmetic.lerp(out, offset, parent, partner, share);
      },
    };
  },
};
