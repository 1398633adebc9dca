import { enlarge } from '../enlarge.ts';
import { mapOfValues } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';
import { weighted } from './grad-cam.ts';

/** The product of Grad-CAM and guided backpropagation. */
export const guidedGradCam: SaliencyMethod = {
  name: 'guided-grad-cam',
  help: 'guided-backprop times grad-cam',
  source: 'Selvaraju et al. 2017, arXiv 1610.02391',
  needs: ['gradients', 'convolution', 'rectifier'],
  async explain(input, { geometry }, oracle) {
    const { picture, places, channels, indexOf } = geometry;
    if (picture === undefined) return { refusal: 'the input is not a picture' };
    const maps = await oracle.featureMaps(input);
    const cam = enlarge({ ...maps, values: weighted(maps) }, picture.height, picture.width);
    const [guided] = await oracle.gradients([{ input }], { isGuided: true });
    const product = Float64Array.from(guided);
    for (let place = 0; place < places; place++)
      for (let channel = 0; channel < channels; channel++) product[indexOf(place, channel)] *= cam[place];
    return { map: mapOfValues(product, geometry) };
  },
};
