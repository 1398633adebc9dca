import type { MutatorKind } from '../mutator.ts';
import { onLevels } from './layout.ts';

const MOST = {
  name: 'most',
  default: 2,
  help: 'largest factor; its inverse is the smallest',
  between: [1, 100],
} as const;

/** Draws levels away from the middle grey or toward it. */
export const contrast: MutatorKind = {
  name: 'contrast',
  help: 'levels move away from middle grey, or toward it',
  source: 'image contrast of DeepHunter (Xie et al. 2019)',
  domains: ['image'],
  parameters: [MOST],
  cost: 8,
  make: onLevels((value) => {
    const most = Math.log(value(MOST));
    return (seen, out, _layout, { random }) => {
      const factor = Math.exp(most * (2 * random.uniform() - 1));
      for (let i = 0; i < seen.length; i++) out[i] = 0.5 + factor * (seen[i] - 0.5);
    };
  }),
};
