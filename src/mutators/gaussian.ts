import type { Bounds, MutatorKind, Values } from './mutator.ts';
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
          const to = Math.min(from + WINDOW, parent.length);
          addNoise(out, offset, parent, bounds, noise.values, noise.place(random) - from, scale, from, to);
        }
      },
    };
  },
};

// The hot loops of every dense mutation: one pass that adds, clips and stores. Covered by `npm run bench`.
// Pixels at the end of their range fall beyond it half the time, and a mispredicted branch a value costs
// more than all else, so `clipped` has none; unrolling lets four of its chains run at once.
function addNoise(
  out: Values,
  offset: number,
  parent: Values,
  bounds: Bounds,
  noise: Float32Array,
  place: number,
  scale: number,
  from: number,
  to: number,
): void {
  const { low, high, uniform, exact } = bounds;
  let i = from;
  if (!exact) {
    for (; i < to; i++) {
      out[offset + i] = Math.min(high[i], Math.max(low[i], parent[i] + scale * noise[place + i]));
    }
  } else if (uniform) {
    const h = high[0];
    const l = low[0];
    const w = 2 * (h - l);
    for (; i < to - 3; i += 4) {
      const j = i + 1;
      const k = i + 2;
      const m = i + 3;
      out[offset + i] = clipped(parent[i] + scale * noise[place + i] - l, w, h);
      out[offset + j] = clipped(parent[j] + scale * noise[place + j] - l, w, h);
      out[offset + k] = clipped(parent[k] + scale * noise[place + k] - l, w, h);
      out[offset + m] = clipped(parent[m] + scale * noise[place + m] - l, w, h);
    }
  }
  for (; i < to; i++) {
    const h = high[i];
    const l = low[i];
    out[offset + i] = clipped(parent[i] + scale * noise[place + i] - l, 2 * (h - l), h);
  }
}

/**
 * `value` clipped to [low, high], where `above` is value − low and `width2` is 2·(high − low): with
 * x⁺ = (x + |x|)/2, that is high − (high − low − above⁺)⁺. Exactly low or high beyond them, as long as
 * high − (high − low) is low: `Bounds.exact` says so.
 */
function clipped(above: number, width2: number, high: number): number {
  const left = width2 - (above + Math.abs(above));
  return high - 0.25 * (left + Math.abs(left));
}
