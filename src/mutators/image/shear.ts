import { MIN_AMOUNT } from '../min-amount.ts';
import { makeAffineMutator } from './geometric.ts';
import { drawBetween } from './layout.ts';

/** Slants the picture, across or down. */
export const shear = makeAffineMutator(
  {
    name: 'shear',
    help: 'slants the picture',
    source: 'image shearing of DeepHunter (Xie et al. 2019)',
    parameter: {
      name: 'most',
      default: 0.3,
      help: 'largest shift between two neighbouring lines, in pixels',
      min: MIN_AMOUNT,
      max: 10,
    },
  },
  (most, _layout, random) => {
    const slant = drawBetween(random, -most, most);
    const isAcross = random.uniform() < 0.5;
    return { a: 1, b: isAcross ? slant : 0, c: 0, d: isAcross ? 0 : slant, e: 1, f: 0 };
  },
);
