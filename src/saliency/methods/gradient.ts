import { mapOfValues } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';

/** ∂z/∂x. */
export const gradient: SaliencyMethod = {
  name: 'gradient',
  help: 'how the score changes with each value',
  source: 'Simonyan, Vedaldi & Zisserman 2013, arXiv 1312.6034',
  needs: ['gradients'],
  async explain(input, { geometry }, oracle) {
    const [values] = await oracle.gradients([{ input }]);
    return { map: mapOfValues(values, geometry) };
  },
};
