import { MIN_AMOUNT } from '../min-amount.ts';
import { makeAffineMutator } from './geometric.ts';
import { drawBetween } from './layout.ts';

/** Shifts the picture by parts of a pixel or more. */
export const translate = makeAffineMutator(
  {
    name: 'translate',
    help: 'shifts the picture',
    source: 'image translation of DeepHunter (Xie et al. 2019)',
    parameter: {
      name: 'most',
      default: 0.15,
      help: 'longest shift, as a share of the side',
      min: MIN_AMOUNT,
      max: 1,
    },
  },
  (most, { width, height }, random) => ({
    a: 1,
    b: 0,
    c: drawBetween(random, -most, most) * width,
    d: 0,
    e: 1,
    f: drawBetween(random, -most, most) * height,
  }),
);
