/** Side of a picture of a line, and the length of the line in pixels. */
export const LINE_SIDE = 32;
const RADIUS = 15;

/** Half the width of the line without its soft edge, which is one pixel wide. */
const HALF_WIDTH = 0.5;

/** Values of a picture. */
export const LINE_VALUES = LINE_SIDE * LINE_SIDE;

/** Lines at even angles that points of a path are compared with. */
const REFERENCES = 10_000;

/** Change of the angle over a whole path below which its smoothness is not defined. */
const LEAST_CHANGE = 1e-4;

/**
 * Draws a line of one pixel from the middle of a picture outwards, with a soft edge of another pixel: the task of Berthelot, Raffel, Roy & Goodfellow
 * (arXiv 1807.07543).
 *
 * @param angle in radians
 * @returns `[32, 32]`, −1 beside the line and 1 on it
 */
export function drawLine(angle: number): Float32Array {
  const picture = new Float32Array(LINE_VALUES);
  const middle = (LINE_SIDE - 1) / 2;
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  for (let row = 0; row < LINE_SIDE; row++)
    for (let column = 0; column < LINE_SIDE; column++) {
      const [x, y] = [column - middle, middle - row];
      const along = Math.min(RADIUS, Math.max(0, x * dx + y * dy));
      const distance = Math.hypot(x - along * dx, y - along * dy);
      picture[row * LINE_SIDE + column] = 2 * Math.min(1, Math.max(0, HALF_WIDTH + 1 - distance)) - 1;
    }
  return picture;
}

/** The reference line that a picture is nearest to. */
export interface NearestLine {
  readonly angle: number;
  /** Cosine distance of the two pictures. */
  readonly distance: number;
}

/** Lines at even angles, of which few pixels are not background. */
export class ReferenceLines {
  readonly #pixels: Uint16Array[] = [];
  readonly #values: Float64Array[] = [];
  readonly #norms: Float64Array;

  constructor(count = REFERENCES) {
    this.#norms = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const picture = drawLine((2 * Math.PI * i) / count);
      const pixels: number[] = [];
      let squares = 0;
      picture.forEach((value, pixel) => {
        squares += value * value;
        if (value > -1) pixels.push(pixel);
      });
      this.#pixels.push(Uint16Array.from(pixels));
      this.#values.push(Float64Array.from(pixels, (pixel) => picture[pixel] + 1));
      this.#norms[i] = Math.sqrt(squares);
    }
  }

  nearest(picture: ArrayLike<number>): NearestLine {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < LINE_VALUES; i++) {
      sum += picture[i];
      squares += picture[i] * picture[i];
    }
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let line = 0; line < this.#norms.length; line++) {
      const [pixels, values] = [this.#pixels[line], this.#values[line]];
      // The background is −1 throughout.
      let dot = -sum;
      for (let k = 0; k < pixels.length; k++) dot += values[k] * picture[pixels[k]];
      const similarity = dot / this.#norms[line];
      if (similarity > most) [most, best] = [similarity, line];
    }
    const norm = Math.sqrt(squares);
    return {
      angle: (2 * Math.PI * best) / this.#norms.length,
      distance: norm > 0 ? Math.max(0, 1 - most / norm) : 1,
    };
  }
}

/** How like lines the points of a path are, and how evenly the angle changes. */
export interface LinePath {
  /** Mean cosine distance of the points to their nearest lines. */
  readonly distance: number;
  /** Largest step of the angle over the whole change, less that of even steps; undefined where the angle hardly changes. */
  readonly smoothness: number | undefined;
}

/** Measures a path of pictures of lines. @param points at least two */
export function measureLinePath(lines: ReferenceLines, points: readonly ArrayLike<number>[]): LinePath {
  const nearest = points.map((point) => lines.nearest(point));
  const distance = nearest.reduce((sum, line) => sum + line.distance, 0) / nearest.length;
  const angles = unwrap(nearest.map(({ angle }) => angle));
  const total = Math.abs(angles[angles.length - 1] - angles[0]);
  if (total < LEAST_CHANGE) return { distance, smoothness: undefined };
  let largest = 0;
  for (let i = 1; i < angles.length; i++) largest = Math.max(largest, Math.abs(angles[i] - angles[i - 1]));
  return { distance, smoothness: largest / total - 1 / (points.length - 1) };
}

/** Angles without jumps by whole turns: each step is the shorter way round. */
export function unwrap(angles: readonly number[]): number[] {
  const turn = 2 * Math.PI;
  let shift = 0;
  return angles.map((angle, i) => {
    if (i > 0) shift -= turn * Math.round((angle - angles[i - 1]) / turn);
    return angle + shift;
  });
}
