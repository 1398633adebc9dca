import { mapOfValues } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';

/** The gradient in which every Relu passes only what is positive both ways. */
export const guidedBackprop: SaliencyMethod = {
  name: 'guided-backprop',
  help: 'the gradient in which each Relu passes on only what is positive',
  source: 'Springenberg, Dosovitskiy, Brox & Riedmiller 2014, arXiv 1412.6806',
  needs: ['gradients', 'rectifier'],
  async explain(input, { geometry }, oracle) {
    const [values] = await oracle.gradients([{ input }], { isGuided: true });
    return { map: mapOfValues(values, geometry) };
  },
};
