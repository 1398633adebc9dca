import { copyParent, type MutatorKind } from '../mutator.ts';
import { drawCount, makeCountParameter } from './count-parameter.ts';

const MOST = makeCountParameter('values', 8);

/**
 * Boundary values of floating-point arithmetic: zeros, ones, the smallest normal and subnormal float32 and float16, the
 * largest float16 and the first that overflows it, and the values at which float32 loses integers, or squares or exp
 * overflow.
 */
const SPECIAL_VALUES = [
  0,
  -0,
  1,
  -1,
  0.5,
  2 ** -149,
  2 ** -126,
  2 ** -24,
  2 ** -14,
  2 ** -23,
  1e-7,
  88.7,
  -88.7,
  -104,
  709.8,
  255,
  256,
  65504,
  65520,
  2 ** 24,
  2 ** 31 - 1,
  1e19,
  1.8e19,
  3.4e38,
  -65504,
  -65520,
  -1e19,
  -3.4e38,
] as const;

/** Sets values to boundary values of floating-point arithmetic, or to the ends of their bounds. */
export const special: MutatorKind = {
  name: 'special',
  help: "sets one value, a few or all to 0, ±1, the range's ends, or the smallest or largest number of half or single precision",
  source: 'interesting values of AFL (config.h), for floating point (Goldberg 1991)',
  domains: ['numbers'],
  parameters: [MOST],
  staysInBounds: true,
  editsPart: true,
  cost: 1,
  editCost: 0.05,
  make(value, { type }) {
    const most = value(MOST);
    const numbers =
      type === 'float64' ? [...SPECIAL_VALUES, 5e-324, 2.2250738585072014e-308, 1.7e308] : SPECIAL_VALUES;
    const clipped = (number: number, low: number, high: number): number =>
      number < low ? low : number > high ? high : number;
    return {
      mutate(out, offset, parent, context) {
        const { bounds, random, edits } = context;
        copyParent(out, offset, parent, context);
        const { low, high } = bounds;
        const { length } = parent;
        const draw = (i: number): number => {
          const choice = random.below(numbers.length + 2);
          if (choice === numbers.length) return low[i];
          if (choice === numbers.length + 1) return high[i];
          return clipped(numbers[choice], low[i], high[i]);
        };
        if (random.uniform() < 1 / 32) {
          const choice = numbers[random.below(numbers.length)];
          for (let i = 0; i < length; i++) out[offset + i] = clipped(choice, low[i], high[i]);
          edits?.changed(0, length);
          return;
        }
        const count = drawCount(most, random);
        for (let n = 0; n < count; n++) {
          const i = random.below(length);
          out[offset + i] = draw(i);
          edits?.changed(i, i + 1);
        }
      },
    };
  },
};
