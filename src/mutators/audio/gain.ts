import type { MutatorKind } from '../mutator.ts';
import { amplitudeRatio } from './channels.ts';

const MOST = {
  name: 'most',
  default: 12,
  help: 'largest change of the level in decibels, up or down',
  min: 0.01,
  max: 120,
} as const;

/** Makes a signal louder or softer: x · 10^(d/20), d uniform in decibels. */
export const gain: MutatorKind = {
  name: 'gain',
  help: 'makes the signal louder or softer',
  source: 'volume perturbation (Peddinti et al. 2015)',
  domains: ['audio'],
  parameters: [MOST],
  cost: 9,
  make(value) {
    const most = value(MOST);
    return {
      mutate(out, offset, parent, { arithmetic, random }) {
        arithmetic.scale(out, offset, parent, amplitudeRatio(most * (2 * random.uniform() - 1)));
      },
    };
  },
};
