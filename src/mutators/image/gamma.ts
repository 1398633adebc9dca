import type { MutatorKind } from '../mutator.ts';
import { mutateLevels } from './layout.ts';

const MOST = {
  name: 'most',
  default: 2,
  help: 'largest exponent; its inverse is the smallest',
  min: 1,
  max: 100,
} as const;

/** Steps of the lookup table from level 0 to 1. */
const CURVE_STEPS = 64;

/** Raises levels to a power, read off a curve of straight pieces. */
export const gamma: MutatorKind = {
  name: 'gamma',
  help: 'raises levels to a power',
  source: 'gamma correction (Poynton 1998)',
  domains: ['image'],
  parameters: [MOST],
  cost: 97,
  make: mutateLevels((value) => {
    const most = Math.log(value(MOST));
    const curve = new Float64Array(CURVE_STEPS + 2);
    return (seen, out, _layout, { random }) => {
      const exponent = Math.exp(most * (2 * random.uniform() - 1));
      for (let i = 0; i <= CURVE_STEPS; i++) curve[i] = (i / CURVE_STEPS) ** exponent;
      curve[CURVE_STEPS + 1] = 1;
      for (let i = 0; i < seen.length; i++) {
        const position = CURVE_STEPS * Math.min(1, Math.max(0, seen[i]));
        const step = Math.floor(position);
        out[i] = curve[step] + (position - step) * (curve[step + 1] - curve[step]);
      }
    };
  }),
};
