import { MIN_AMOUNT } from '../min-amount.ts';
import { makeLinearMutator } from './linear.ts';

/** Adds one number to all levels. */
export const brightness = makeLinearMutator(
  {
    name: 'brightness',
    help: 'raises or lowers all levels by one amount',
    source: 'image brightness of DeepXplore (Pei et al. 2017) and DeepHunter (Xie et al. 2019)',
    parameter: {
      name: 'most',
      default: 0.3,
      help: 'largest change, as a share of the way from black to white',
      min: MIN_AMOUNT,
      max: 1,
    },
  },
  (most, random) => ({ factor: 1, shift: most * (2 * random.uniform() - 1) }),
);
