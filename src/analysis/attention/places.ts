/** Where queries and keys lie. */
export interface PlaceGrid {
  /** What distances count: `pixels` of a picture, or `places` of a sequence. */
  readonly unit: 'pixels' | 'places';
  /** Undefined where a query or a key has no place, such as a class token. */
  distance(query: number, key: number): number | undefined;
  /** How keys lie in a picture; undefined for other inputs. */
  readonly keyGrid?: Grid;
  readonly queryGrid?: Grid;
}

/** A map of places over a picture, behind some that have none. */
export interface Grid {
  readonly height: number;
  readonly width: number;
  /** Places in front of it, such as a class token. */
  readonly before: number;
}

/** Places in front of a map that transformers have at most: of the class, and of a teacher. */
const MAX_BEFORE = 2;

/** The map that a number of places is of a picture; undefined where it is none of its form. */
export function gridOf(
  places: number,
  { height, width }: { readonly height: number; readonly width: number },
): Grid | undefined {
  for (let before = 0; before <= MAX_BEFORE && before < places; before++) {
    const count = places - before;
    const rows = Math.round(Math.sqrt((count * height) / width));
    const columns = count / rows;
    if (rows < 1 || columns < 1 || !Number.isInteger(columns)) continue;
    // Maps that are rounded to whole places are nearly of the picture's form.
    const isAlike = Math.abs(columns - (rows * width) / height) < 1;
    if (isAlike && rows <= height && columns <= width && count > 1)
      return { height: rows, width: columns, before };
  }
  return undefined;
}

/** The centre of a place in pixels; undefined in front of the map. */
export function centreOf(
  place: number,
  { height, width, before }: Grid,
  picture: { readonly height: number; readonly width: number },
): readonly [row: number, column: number] | undefined {
  if (place < before) return undefined;
  const at = place - before;
  const [row, column] = [Math.floor(at / width), at % width];
  return [((row + 0.5) * picture.height) / height - 0.5, ((column + 0.5) * picture.width) / width - 0.5];
}

/**
 * Where queries and keys lie: on maps of a picture where both numbers are of its form, else in a row.
 *
 * @param picture undefined for other inputs
 */
export function placeGrid(
  queries: number,
  keys: number,
  picture: { readonly height: number; readonly width: number } | undefined,
): PlaceGrid {
  const queryGrid = picture && gridOf(queries, picture);
  const keyGrid = picture && gridOf(keys, picture);
  if (picture === undefined || queryGrid === undefined || keyGrid === undefined) {
    // Where queries and keys differ in number, places are compared as shares.
    const scale = queries > 1 ? (keys - 1) / (queries - 1) : 1;
    return { unit: 'places', distance: (query, key) => Math.abs(query * scale - key) };
  }
  const queryCentres = Array.from({ length: queries }, (_, i) => centreOf(i, queryGrid, picture));
  const keyCentres = Array.from({ length: keys }, (_, i) => centreOf(i, keyGrid, picture));
  return {
    unit: 'pixels',
    queryGrid,
    keyGrid,
    distance(query, key) {
      const [a, b] = [queryCentres[query], keyCentres[key]];
      return a && b && Math.hypot(a[0] - b[0], a[1] - b[1]);
    },
  };
}
