import { mapOfValues } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';
import { combine, spaceOf } from './space.ts';

/** (x − b)·∂z/∂x. */
export const inputGradient: SaliencyMethod = {
  name: 'input-gradient',
  help: 'the gradient times the distance from the baseline',
  source: 'Shrikumar et al. 2016, arXiv 1605.01713',
  needs: ['gradients', 'slopes'],
  async explain(input, context, oracle) {
    const { values, baseline } = await spaceOf(input, context, oracle);
    const [slopes] = await oracle.gradients([{ input }]);
    const distances = combine(values, baseline, (value, missing) => value - missing);
    const products = combine(distances, slopes, (distance, slope) => distance * slope);
    return { map: mapOfValues(products, context.geometry) };
  },
};
