/** A map of values, row by row. */
export interface Grid {
  readonly values: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
}

/** A map in another size, by bilinear interpolation between centres of its cells; the border continues outwards. */
export function enlarge({ values, height, width }: Grid, toHeight: number, toWidth: number): Float64Array {
  const enlarged = new Float64Array(toHeight * toWidth);
  for (let y = 0; y < toHeight; y++) {
    const row = placeOf(y, toHeight, height);
    for (let x = 0; x < toWidth; x++) {
      const column = placeOf(x, toWidth, width);
      const at = (r: number, c: number): number => values[r * width + c];
      const above = mix(at(row.from, column.from), at(row.from, column.to), column.share);
      const below = mix(at(row.to, column.from), at(row.to, column.to), column.share);
      enlarged[y * toWidth + x] = mix(above, below, row.share);
    }
  }
  return enlarged;
}

/** The two cells that a place lies between, and its share of the second one. */
function placeOf(at: number, toSide: number, side: number): { from: number; to: number; share: number } {
  const place = Math.max(0, ((at + 0.5) * side) / toSide - 0.5);
  const from = Math.min(side - 1, Math.floor(place));
  return { from, to: Math.min(side - 1, from + 1), share: place - from };
}

function mix(a: number, b: number, share: number): number {
  return a + share * (b - a);
}
