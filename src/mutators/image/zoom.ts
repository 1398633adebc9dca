import { makeAffineMutator } from './geometric.ts';
import { drawBetween } from './layout.ts';

/** Makes the picture larger or smaller about its middle, in both directions alike or not. */
export const zoom = makeAffineMutator(
  {
    name: 'zoom',
    help: 'enlarges or shrinks the picture',
    source: 'image scaling of DeepHunter (Xie et al. 2019)',
    parameter: {
      name: 'most',
      default: 1.3,
      help: 'largest factor; its inverse is the smallest',
      min: 1,
      max: 100,
    },
  },
  (most, _layout, random) => {
    const factor = most ** drawBetween(random, -1, 1);
    const other = random.uniform() < 0.5 ? factor : most ** drawBetween(random, -1, 1);
    return { a: 1 / factor, b: 0, c: 0, d: 0, e: 1 / other, f: 0 };
  },
);
