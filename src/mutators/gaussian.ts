import type { Bounds, Draws, MutatorKind, Values } from './mutator.ts';
import { type NoiseWindow, WINDOW } from './noise.ts';

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
    const window: NoiseWindow = { p: 0, q: 0, a: 0, b: 0 };
    return {
      name: 'gaussian',
      mutate(out, offset, parent, bounds, draws) {
        for (let from = 0; from < parent.length; from += WINDOW) {
          draws.noise.draw(draws.random, sigma * bounds.width, window);
          addNoise(out, offset, parent, bounds, draws, window, from, Math.min(from + WINDOW, parent.length));
        }
      },
    };
  },
};

// The hot loop of every dense mutation: one pass that adds, clips and stores. Covered by `npm run bench`.
function addNoise(
  out: Values,
  offset: number,
  parent: Values,
  bounds: Bounds,
  draws: Draws,
  window: NoiseWindow,
  from: number,
  to: number,
): void {
  const pool = draws.noise.values;
  const { low, high } = bounds;
  const { a, b } = window;
  const p = window.p - from;
  const q = window.q - from;
  for (let i = from; i < to; i++) {
    const value = parent[i] + a * pool[p + i] + b * pool[q + i];
    out[offset + i] = Math.min(high[i], Math.max(low[i], value));
  }
}
