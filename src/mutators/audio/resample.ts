import type { MutatorKind } from '../mutator.ts';
import { samplesOf } from './channels.ts';

const MOST = {
  name: 'most',
  default: 1.25,
  help: 'largest speed; its inverse is the smallest',
  min: 1.001,
  max: 100,
} as const;

/**
 * Plays a signal faster or slower, so that its pitch changes too: sample t becomes the signal at time speed · t, by linear
 * interpolation. The length stays: what comes from behind the end is silence.
 */
export const resample: MutatorKind = {
  name: 'resample',
  help: 'plays the signal faster or slower',
  source: 'speed perturbation (Ko et al. 2015)',
  domains: ['audio'],
  parameters: [MOST],
  cost: 35,
  make(value) {
    const most = Math.log(value(MOST));
    return {
      mutate(out, offset, parent, { random, shape }) {
        const speed = Math.exp(most * (2 * random.uniform() - 1));
        const samples = samplesOf(shape);
        for (let channel = 0; channel < parent.length; channel += samples)
          for (let t = 0; t < samples; t++) {
            const time = speed * t;
            const before = Math.floor(time);
            const share = time - before;
            const left = before < samples ? parent[channel + before] : 0;
            const right = before + 1 < samples ? parent[channel + before + 1] : 0;
            out[offset + channel + t] = share === 0 ? left : left + (right - left) * share;
          }
      },
    };
  },
};
