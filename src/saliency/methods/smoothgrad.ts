import { drawNormal } from '../../core/random.ts';
import { mapOfValues } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';
import { spaceOf } from './space.ts';

/** Noisy copies of an input, and the standard deviation of their noise as a share of the span. */
const SAMPLES = 50;
const NOISE = 0.15;

/** The mean of ∂z/∂x at x + N(0, (0.15·s)²). */
export const smoothgrad: SaliencyMethod = {
  name: 'smoothgrad',
  help: `mean of ${SAMPLES} gradients at the input with noise`,
  source: 'Smilkov et al. 2017, arXiv 1706.03825',
  needs: ['gradients', 'slopes'],
  isRandom: true,
  async explain(input, context, oracle) {
    const { geometry, random } = context;
    const { values, span, at } = await spaceOf(input, context, oracle);
    const points = Array.from({ length: SAMPLES }, () =>
      at(Float64Array.from(values, (value) => value + NOISE * span * drawNormal(random))),
    );
    return { map: mapOfValues(meanOf(await oracle.gradients(points)), geometry) };
  },
};

/** The mean of vectors of one length, at least one. */
export function meanOf(vectors: readonly ArrayLike<number>[]): Float64Array {
  const mean = new Float64Array(vectors[0].length);
  for (const vector of vectors) for (let i = 0; i < mean.length; i++) mean[i] += vector[i] / vectors.length;
  return mean;
}
