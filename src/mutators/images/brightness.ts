import type { MutatorKind } from '../mutator.ts';
import { onLevels } from './layout.ts';

const MOST = {
  name: 'most',
  default: 0.3,
  help: 'largest change, as a share of the way from black to white',
  between: [0, 1.0001],
} as const;

/** Adds one number to all levels. */
export const brightness: MutatorKind = {
  name: 'brightness',
  help: 'all levels are raised or lowered alike',
  source: 'image brightness of DeepXplore (Pei et al. 2017) and DeepHunter (Xie et al. 2019)',
  domains: ['image'],
  parameters: [MOST],
  cost: 8,
  make: onLevels((value) => {
    const most = value(MOST);
    return (seen, out, _layout, { random }) => {
      const shift = most * (2 * random.uniform() - 1);
      for (let i = 0; i < seen.length; i++) out[i] = seen[i] + shift;
    };
  }),
};
