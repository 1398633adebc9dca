import { enlarge } from '../enlarge.ts';
import { mapOfPlaces } from '../map.ts';
import type { FeatureMaps, SaliencyMethod } from '../method.ts';

/** relu(Σₖ wₖAₖ) of the last convolution's feature maps A, with w the mean of ∂z/∂A over a map. */
export const gradCam: SaliencyMethod = {
  name: 'grad-cam',
  help: "the last convolution's feature maps, weighted by the mean gradient of each",
  source: 'Selvaraju et al. 2017, arXiv 1610.02391',
  needs: ['gradients', 'convolution'],
  async explain(input, { geometry: { picture } }, oracle) {
    if (picture === undefined) return { refusal: 'the input is not a picture' };
    const maps = await oracle.featureMaps(input);
    return { map: mapOfPlaces(enlarge({ ...maps, values: weighted(maps) }, picture.height, picture.width)) };
  },
};

/** `[height · width]`. */
export function weighted({ activation, gradient, maps, height, width }: FeatureMaps): Float64Array {
  const places = height * width;
  const sum = new Float64Array(places);
  for (let map = 0; map < maps; map++) {
    let weight = 0;
    for (let place = 0; place < places; place++) weight += gradient[map * places + place] / places;
    for (let place = 0; place < places; place++) sum[place] += weight * activation[map * places + place];
  }
  return sum.map((value) => Math.max(0, value));
}
