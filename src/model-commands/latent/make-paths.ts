import type { PathKind } from '../../latent/check-paths.ts';
import type { LatentCodec } from '../../latent/latent-codec.ts';
import { type Curve, PATH_POINTS, type Pair, pathBetween, rowsIn } from '../../latent/paths.ts';
import type { CodedRow } from '../../latent/survey.ts';
import { readNumber } from '../../tensor/tensor.ts';

/** Points that a model runs at once. */
const POINTS_PER_RUN = 128;

/** The points of each path, of each kind of paths. */
export type Paths = Readonly<Record<PathKind, readonly (readonly Float32Array[])[]>>;

/**
 * Decodes the paths between pairs of inputs, and mixes the same inputs and their reconstructions pixel by pixel.
 *
 * @throws Error where a model fails
 */
export async function makePaths(
  codec: LatentCodec,
  rows: readonly CodedRow[],
  pairs: readonly Pair[],
  curve: Curve,
): Promise<Paths> {
  const { size, decodedSize } = codec.roles;
  const vectors = new Map<number, Float32Array>();
  for (const end of new Set(pairs.flat())) {
    const { type, values, label } = rows[end];
    vectors.set(end, await codec.encode(type, values, label));
  }
  const latents = new Float32Array(pairs.length * PATH_POINTS * size);
  const labels: number[] = [];
  pairs.forEach(([from, to], i) => {
    const [a, b] = [vectors.get(from), vectors.get(to)];
    if (a === undefined || b === undefined) throw new Error('an end was not encoded');
    latents.set(pathBetween(a, b, curve), i * PATH_POINTS * size);
    // A class does not change along a path: it is that of the first end.
    for (let point = 0; point < PATH_POINTS; point++) labels.push(rows[from].label);
  });
  const latent = await codec.decode(latents, labels, POINTS_PER_RUN);
  const mixed = (end: (pair: number, last: boolean) => ArrayLike<number>): Float32Array[][] =>
    pairs.map((_, pair) => rowsIn(pathBetween(end(pair, false), end(pair, true), 'line'), decodedSize));
  const pathsIn = (points: Float32Array): Float32Array[][] => {
    const all = rowsIn(points, decodedSize);
    return pairs.map((_, pair) => all.slice(pair * PATH_POINTS, (pair + 1) * PATH_POINTS));
  };
  return {
    latent: pathsIn(latent),
    pixels: mixed((pair, last) => numbersOf(rows[pairs[pair][last ? 1 : 0]])),
    reconstructions: mixed((pair, last) => {
      const row = pair * PATH_POINTS + (last ? PATH_POINTS - 1 : 0);
      return latent.subarray(row * decodedSize, (row + 1) * decodedSize);
    }),
  };
}

/** The values of an input as numbers. */
export function numbersOf({ type, values }: Pick<CodedRow, 'type' | 'values'>): Float32Array {
  return Float32Array.from({ length: values.length }, (_, i) => readNumber(type, values, i));
}
