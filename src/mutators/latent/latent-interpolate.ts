import type { MutatorKind } from '../mutator.ts';
import { slerp } from './slerp.ts';
import { writeDecoded } from './write-decoded.ts';

const BEYOND = {
  name: 'beyond',
  default: 0,
  help: 'how far beyond either latent vector the mutant may be, as a share of the distance between them',
  min: 0,
  max: 10,
} as const;

/** A point on the path between the latent vectors of two entries, decoded. */
export const latentInterpolate: MutatorKind = {
  name: 'latent-interpolate',
  help: 'decodes a point between the latent vectors of this entry and another, of another predicted class where there is one; curve=slerp along their directions instead of a line',
  source: 'interpolation in latent space (Berthelot, Raffel, Roy & Goodfellow 2019)',
  mayChangeMeaning: true,
  usesLatent: true,
  domains: ['numbers'],
  parameters: [BEYOND],
  words: { curve: { help: 'the path between the latent vectors', legal: ['line', 'slerp'] } },
  partner: 'rival-first',
  cost: 8,
  make(value, _input, { curve = 'line' } = {}) {
    const beyond = value(BEYOND);
    return {
      moveLatent(out, from, { random, partner }) {
        const share = (1 + 2 * beyond) * random.uniform() - beyond;
        if (curve === 'slerp') slerp(out, from, partner, share);
        else for (let i = 0; i < out.length; i++) out[i] = from[i] + share * (partner[i] - from[i]);
      },
      mutate(out, offset, parent, { decoded }) {
        writeDecoded(out, offset, parent, decoded, 0);
      },
    };
  },
};
