import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';
import { samplesOf } from './channels.ts';

const MOST = {
  name: 'most',
  default: 0.1,
  help: 'longest shift, as a share of the length',
  min: MIN_AMOUNT,
  max: 1,
} as const;

/** Moves a signal earlier or later by whole samples, at least one; silence takes its place. */
export const shift: MutatorKind = {
  name: 'shift',
  help: 'shifts the signal to an earlier or later time',
  source: 'time shifts of data augmentation',
  domains: ['audio'],
  parameters: [MOST],
  cost: 6,
  make(value) {
    const most = value(MOST);
    return {
      mutate(out, offset, parent, { random, shape }) {
        const samples = samplesOf(shape);
        const distance = Math.min(samples, Math.max(1, Math.round(most * random.uniform() * samples)));
        const later = random.uniform() < 0.5;
        for (let channel = 0; channel < parent.length; channel += samples) {
          const at = offset + channel;
          const kept = samples - distance;
          const moved = later
            ? parent.subarray(channel, channel + kept)
            : parent.subarray(channel + distance, channel + samples);
          out.set(moved, later ? at + distance : at);
          if (later) out.fill(0, at, at + distance);
          else out.fill(0, at + kept, at + samples);
        }
      },
    };
  },
};
