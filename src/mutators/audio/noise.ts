import type { MutatorKind } from '../mutator.ts';
import { amplitudeRatio, rmsOf } from './channels.ts';

const SNR = {
  name: 'snr',
  default: 0,
  help: 'smallest ratio of signal to noise in decibels; drawn from this to 40 more',
  min: -40,
  max: 80,
} as const;

/** Decibels between the strongest noise and the weakest. */
const SPREAD = 40;

/** Noise in silence, as a share of the range: that of 16-bit recordings is some 100 times lower. */
const FLOOR = 1e-3;

/** Adds white noise at a drawn ratio of the signal's root mean square to the noise's deviation. */
export const noise: MutatorKind = {
  name: 'noise',
  help: 'adds white noise at a random ratio of signal to noise',
  source: 'noise augmentation of speech (Hannun et al. 2014)',
  domains: ['audio'],
  parameters: [SNR],
  staysInBounds: true,
  cost: 40,
  make(value) {
    const least = value(SNR);
    return {
      mutate(out, offset, parent, { noise: pool, bounds, random }) {
        const decibels = least + SPREAD * random.uniform();
        const sigma = rmsOf(parent) / amplitudeRatio(decibels);
        // The pool's scale is a share of the range.
        const share = sigma > 0 ? sigma / bounds.width : FLOOR;
        pool.add('normal', out, offset, parent, bounds, random, share);
      },
    };
  },
};
