import { MIN_AMOUNT } from '../min-amount.ts';
import { makeAffineMutator } from './geometric.ts';
import { drawBetween } from './layout.ts';

/** Turns the picture about its middle. */
export const rotate = makeAffineMutator(
  {
    name: 'rotate',
    help: 'rotates the picture about its centre',
    source: 'image rotation of DeepHunter (Xie et al. 2019)',
    parameter: { name: 'most', default: 30, help: 'largest angle in degrees', min: MIN_AMOUNT, max: 180 },
  },
  (most, _layout, random) => {
    const angle = (drawBetween(random, -most, most) * Math.PI) / 180;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    return { a: cos, b: sin, c: 0, d: -sin, e: cos, f: 0 };
  },
);
