import type { MapGeometry } from '../map.ts';
import { mapOfPlaces } from '../map.ts';
import type { SaliencyMethod } from '../method.ts';

/** Windows along a side. */
const PER_SIDE = 7;

/** Longest row of values that are set to the baseline one by one: columns of a table and tokens. */
const MAX_SINGLE = 512;

/** Fall of z with a window set to the baseline, averaged over the windows that cover a place. */
export const occlusion: SaliencyMethod = {
  name: 'occlusion',
  help: 'how far the score falls when a window of a seventh of the side is set to the baseline',
  source: 'Zeiler & Fergus 2014, arXiv 1311.2901',
  needs: [],
  async explain(input, { geometry, values, baseline }, oracle) {
    const windows = windowsOf(geometry);
    const points = windows.map((places) => {
      const hidden = Float64Array.from(values);
      for (const place of places)
        for (let channel = 0; channel < geometry.channels; channel++) {
          const at = geometry.indexOf(place, channel);
          hidden[at] = baseline[at];
        }
      return { input, values: hidden };
    });
    const [whole, ...scores] = await oracle.scores([{ input }, ...points]);
    const falls = new Float64Array(geometry.places);
    const counts = new Uint32Array(geometry.places);
    windows.forEach((places, i) => {
      for (const place of places) {
        falls[place] += whole - scores[i];
        counts[place]++;
      }
    });
    return { map: mapOfPlaces(falls.map((fall, place) => fall / counts[place])) };
  },
};

/** The places of each window; every place is in one at least. */
export function windowsOf({ places, picture }: Pick<MapGeometry, 'places' | 'picture'>): number[][] {
  if (picture === undefined) return spansOf(places, places <= MAX_SINGLE);
  const { height, width } = picture;
  return spansOf(height).flatMap((rows) =>
    spansOf(width).map((columns) => rows.flatMap((y) => columns.map((x) => y * width + x))),
  );
}

/** Windows along a side, half of one apart; the last one ends with the side. */
function spansOf(side: number, isSingle = false): number[][] {
  const length = isSingle ? 1 : Math.max(1, Math.round(side / PER_SIDE));
  const stride = Math.max(1, length >> 1);
  const starts: number[] = [];
  for (let start = 0; start < side - length; start += stride) starts.push(start);
  starts.push(side - length);
  return starts.map((start) => Array.from({ length }, (_, i) => start + i));
}
