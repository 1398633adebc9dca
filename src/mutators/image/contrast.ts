import { makeLinearMutator } from './linear.ts';

/** Draws levels away from the middle grey or toward it. */
export const contrast = makeLinearMutator(
  {
    name: 'contrast',
    help: 'moves levels away from middle grey, or toward it',
    source: 'image contrast of DeepHunter (Xie et al. 2019)',
    parameter: {
      name: 'most',
      default: 2,
      help: 'largest factor; its inverse is the smallest',
      min: 1,
      max: 100,
    },
  },
  (most, random) => {
    const factor = most ** (2 * random.uniform() - 1);
    return { factor, shift: 0.5 * (1 - factor) };
  },
);
