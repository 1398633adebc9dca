import type { MutatorKind } from './mutator.ts';
import { WINDOW } from './noise.ts';

const SIGMA = {
  name: 'sigma',
  default: 0.1,
  help: "standard deviation, as a share of the input's range",
  between: [0, 10],
} as const;

/** White noise on every value. TensorFuzz's sigma is 0.2 on pixels in [-1, 1]: 0.1 of the range. */
export const gaussian: MutatorKind = {
  name: 'gaussian',
  help: 'Gaussian noise on every value, clipped to the range and the constraint',
  source: 'TensorFuzz (Odena & Goodfellow 2018), section 3.2',
  parameters: [SIGMA],
  make(parameters) {
    const sigma = parameters.get(SIGMA.name) ?? SIGMA.default;
    return {
      name: 'gaussian',
      mutate(out, offset, parent, bounds, draws) {
        const { noise, random } = draws;
        for (let from = 0; from < parent.length; from += WINDOW) {
          // A window read upside down is another one.
          const scale = (random.uniform() < 0.5 ? -sigma : sigma) * bounds.width;
          noise.add(out, offset, parent, bounds, random, scale, from, Math.min(from + WINDOW, parent.length));
        }
      },
    };
  },
};
