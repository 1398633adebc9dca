import { mapOfValues } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';

/** (x − b)·∂z/∂x. */
export const inputGradient: SaliencyMethod = {
  name: 'input-gradient',
  help: 'the gradient times the distance from the baseline',
  source: 'Shrikumar et al. 2016, arXiv 1605.01713',
  needs: ['gradients', 'numbers'],
  async explain(input, { geometry, values, baseline }, oracle) {
    const [slopes] = await oracle.gradients([{ input }]);
    return {
      map: mapOfValues(
        values.map((value, i) => (value - baseline[i]) * slopes[i]),
        geometry,
      ),
    };
  },
};
