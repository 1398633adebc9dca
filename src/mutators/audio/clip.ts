import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';
import { peakOf } from './channels.ts';

const LEAST = {
  name: 'least',
  default: 0.1,
  help: "lowest clipping level, as a share of the signal's peak",
  min: MIN_AMOUNT,
  max: 0.999,
} as const;

/** Clips a signal at a level below its peak, as overdriven equipment does. */
export const clip: MutatorKind = {
  name: 'clip',
  help: 'clips samples at a level',
  source: 'clipping of the Audio Degradation Toolbox (Mauch & Ewert 2013)',
  domains: ['audio'],
  parameters: [LEAST],
  cost: 60,
  make(value) {
    const least = value(LEAST);
    return {
      mutate(out, offset, parent, { random }) {
        const level = peakOf(parent) * (least + (1 - least) * random.uniform());
        for (let i = 0; i < parent.length; i++)
          out[offset + i] = Math.min(level, Math.max(-level, parent[i]));
      },
    };
  },
};
