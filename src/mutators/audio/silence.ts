import type { MutatorKind } from '../mutator.ts';
import { samplesOf } from './channels.ts';

const SHARE = {
  name: 'share',
  default: 0.25,
  help: 'longest silence, as a share of the length',
  min: 0,
  max: 1,
} as const;

/** Silences a stretch of all channels. */
export const silence: MutatorKind = {
  name: 'silence',
  help: 'silences a stretch of the signal',
  source: 'time masking of SpecAugment (Park et al. 2019), on samples',
  domains: ['audio'],
  parameters: [SHARE],
  cost: 5,
  make(value) {
    const share = value(SHARE);
    return {
      mutate(out, offset, parent, { random, shape }) {
        out.set(parent, offset);
        const samples = samplesOf(shape);
        const length = Math.max(1, Math.round(share * random.uniform() * samples));
        const from = random.below(samples - length + 1);
        for (let channel = 0; channel < parent.length; channel += samples)
          out.fill(0, offset + channel + from, offset + channel + from + length);
      },
    };
  },
};
