import type { Random } from '../core/random.ts';
import { slerp } from '../mutators/latent/slerp.ts';

/** Points of a path, both ends included. */
export const PATH_POINTS = 16;

/** Two inputs that a path goes between, by index. */
export type Pair = readonly [from: number, to: number];

/** Draws pairs of different inputs. @param count of inputs, at least 2 */
export function drawPairs(count: number, pairs: number, random: Random): Pair[] {
  return Array.from({ length: pairs }, (): Pair => {
    const from = random.below(count);
    const other = random.below(count - 1);
    return [from, other < from ? other : other + 1];
  });
}

/** Paths between latent vectors. */
export const CURVES = ['line', 'slerp'] as const;
export type Curve = (typeof CURVES)[number];

/** Even points between two vectors, `[PATH_POINTS, size]`. */
export function pathBetween(a: ArrayLike<number>, b: ArrayLike<number>, curve: Curve): Float32Array {
  const size = a.length;
  const path = new Float32Array(PATH_POINTS * size);
  for (let point = 0; point < PATH_POINTS; point++) {
    const share = point / (PATH_POINTS - 1);
    const out = path.subarray(point * size, (point + 1) * size);
    if (curve === 'slerp') slerp(out, a, b, share);
    else for (let i = 0; i < size; i++) out[i] = (1 - share) * a[i] + share * b[i];
  }
  return path;
}

/** The rows of `[rows, size]`, as views. */
export function rowsIn(values: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: values.length / size }, (_, row) =>
    values.subarray(row * size, (row + 1) * size),
  );
}

/** How even the steps of a path are. */
export interface Steps {
  /** Largest step over the length of the whole path, less that of even steps; undefined for a path without length. */
  readonly smoothness: number | undefined;
  /** Whether one step has more than half of the length. */
  readonly jumps: boolean;
}

/** Measures the steps of a path in the Euclidean norm. */
export function measureSteps(points: readonly ArrayLike<number>[]): Steps {
  let [length, largest] = [0, 0];
  for (let point = 1; point < points.length; point++) {
    let squares = 0;
    for (let i = 0; i < points[point].length; i++) squares += (points[point][i] - points[point - 1][i]) ** 2;
    const step = Math.sqrt(squares);
    length += step;
    largest = Math.max(largest, step);
  }
  if (!(length > 0)) return { smoothness: undefined, jumps: false };
  return { smoothness: largest / length - 1 / (points.length - 1), jumps: largest > length / 2 };
}

/** Cosine distances to the nearest of some inputs. */
export class NearestInputs {
  readonly #units: readonly Float32Array[];

  constructor(inputs: readonly Float32Array[]) {
    this.#units = inputs.map(unit);
  }

  distance(point: Float32Array): number {
    const direction = unit(point);
    let most = -1;
    for (const other of this.#units) {
      let dot = 0;
      for (let i = 0; i < direction.length; i++) dot += direction[i] * other[i];
      if (dot > most) most = dot;
    }
    return Math.max(0, 1 - most);
  }
}

function unit(values: Float32Array): Float32Array {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i] * values[i];
  const norm = Math.sqrt(squares);
  return norm > 0 ? values.map((value) => value / norm) : values;
}
