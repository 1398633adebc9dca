import { gridOf } from '../../analysis/attention/places.ts';
import { enlarge } from '../enlarge.ts';
import { mapOfPlaces } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';

/**
 * How much each place is looked at in the last block of attention: the mean of its weights over heads and queries. It says where the block
 * reads, whatever the class.
 */
export const attention: SaliencyMethod = {
  name: 'attention',
  help: 'how much each place is looked at in the last block of attention',
  source: 'Vig 2019, arXiv 1906.05714, for such maps',
  needs: ['attention'],
  isReading: true,
  async explain(input, { geometry: { picture, places } }, oracle) {
    const { values, block } = await oracle.attention(input);
    if (picture === undefined) {
      const width = places / values.length;
      // A sequence has several values at each of its places.
      const isSequence = input.data.form.inputs.some(
        ({ shape, size }) => size === places && (width === 1 || shape[0] === values.length),
      );
      return isSequence
        ? { map: mapOfPlaces(Float64Array.from({ length: places }, (_, i) => values[Math.floor(i / width)])) }
        : { refusal: `${block} has ${values.length} keys, and the input ${places} places` };
    }
    const grid = gridOf(values.length, picture);
    if (grid === undefined)
      return { refusal: `the ${values.length} keys of ${block} are not a map of the picture` };
    return {
      map: mapOfPlaces(
        enlarge({ ...grid, values: values.subarray(grid.before) }, picture.height, picture.width),
      ),
    };
  },
};
