import { drawNormal } from '../../core/random.ts';
import type { MutatorKind } from '../mutator.ts';
import { writeDecoded } from './write-decoded.ts';

const MOST = {
  name: 'most',
  default: 1.5,
  help: "largest change of a latent value from the seed's, in its standard deviation over the seeds",
  min: 0,
  max: 100,
} as const;

/** The share of what the decoder does not give back of the entry that its mutants keep. */
export const RESIDUAL = {
  name: 'residual',
  default: 1,
  help: 'share of what the decoder does not give back of the entry that the mutant keeps: 1 adds decode(z + δ) − decode(z) to it, 0 is decode(z + δ)',
  min: 0,
  max: 1,
} as const;

/** Moves the latent vector of an entry by normal noise, and decodes it. */
export const latent: MutatorKind = {
  name: 'latent',
  help: 'moves the latent vector of the entry and decodes it: what the decoder has learnt changes, and not single values',
  source: 'decoding moves in latent space (Zhao, Dua & Singh 2018)',
  mayChangeMeaning: true,
  usesLatent: true,
  domains: ['numbers'],
  parameters: [MOST, RESIDUAL],
  cost: 8,
  make(value) {
    const [most, residual] = [value(MOST), value(RESIDUAL)];
    return {
      moveLatent(out, from, { random, deviations, origin, step }) {
        for (let i = 0; i < out.length; i++) {
          const limit = most * deviations[i];
          const moved = from[i] + step * deviations[i] * drawNormal(random);
          out[i] = Math.min(origin[i] + limit, Math.max(origin[i] - limit, moved));
        }
      },
      mutate(out, offset, parent, { decoded }) {
        writeDecoded(out, offset, parent, decoded, residual);
      },
    };
  },
};
