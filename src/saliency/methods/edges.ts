import { mapOfPlaces } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';

/** Sobel's filters. */
const ACROSS = [-1, 0, 1, -2, 0, 2, -1, 0, 1];
const DOWN = [-1, -2, -1, 0, 0, 0, 1, 2, 1];

/** Sobel magnitude of the input: a control that knows no model. */
export const edges: SaliencyMethod = {
  name: 'edges',
  help: 'edges of the input, a control that knows no model',
  source: 'Sobel & Feldman 1968; as a control: Adebayo et al. 2018, arXiv 1810.03292',
  needs: ['numbers'],
  isControl: true,
  async explain(_input, { geometry, values }) {
    const { places, channels, indexOf, picture } = geometry;
    const { height, width } = picture ?? { height: 1, width: places };
    const map = new Float64Array(places);
    const at = (y: number, x: number, channel: number): number => {
      // Beyond the border the outermost values go on.
      const row = Math.min(height - 1, Math.max(0, y));
      const column = Math.min(width - 1, Math.max(0, x));
      return values[indexOf(row * width + column, channel)];
    };
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let channel = 0; channel < channels; channel++) {
          let across = 0;
          let down = 0;
          for (let k = 0; k < 9; k++) {
            const value = at(y + Math.floor(k / 3) - 1, x + (k % 3) - 1, channel);
            across += ACROSS[k] * value;
            down += DOWN[k] * value;
          }
          map[y * width + x] += Math.hypot(across, down);
        }
    return { map: mapOfPlaces(map) };
  },
};
