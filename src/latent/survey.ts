import type { DType, TensorData } from '../tensor/tensor.ts';
import { readNumber } from '../tensor/tensor.ts';
import type { LatentCodec } from './latent-codec.ts';

/** An input to encode. */
export interface CodedRow {
  readonly type: DType;
  readonly values: TensorData;
  /** Class of the input; below 0 where it is not known. */
  readonly label: number;
}

/** What an encoder and a decoder make of inputs. Plain data. */
export interface LatentSurvey {
  /** Standard deviation of each latent value; 1 throughout for a single input. */
  readonly deviations: readonly number[];
  /** Mean squared error of the reconstructions, and that of the mean of all inputs in their place. */
  readonly reconstructionError: number;
  readonly meanError: number;
}

/** Most inputs that are encoded: more would change a deviation by less than a twentieth. */
export const SURVEYED_INPUTS = 256;

/** Inputs that are decoded in one run. */
const DECODED_ROWS = 64;

/**
 * Encodes inputs and decodes them again.
 *
 * @param rows at least one; the first `SURVEYED_INPUTS` count
 * @param onRow called after each input
 * @throws Error where the runtime fails
 */
export async function surveyCodec(
  codec: LatentCodec,
  rows: readonly CodedRow[],
  onRow: () => void = () => {},
): Promise<LatentSurvey> {
  const surveyed = rows.slice(0, SURVEYED_INPUTS);
  const { size, decodedSize } = codec.roles;
  const latents = new Float32Array(surveyed.length * size);
  for (const [row, { type, values, label }] of surveyed.entries()) {
    latents.set(await codec.encode(type, values, label), row * size);
    onRow();
  }
  const labels = surveyed.map(({ label }) => label);
  const decoded = await codec.decode(latents, labels, DECODED_ROWS);
  const mean = new Float64Array(decodedSize);
  for (const { type, values } of surveyed)
    for (let i = 0; i < decodedSize; i++) mean[i] += readNumber(type, values, i) / surveyed.length;
  let [reconstructionError, meanError] = [0, 0];
  surveyed.forEach(({ type, values }, row) => {
    for (let i = 0; i < decodedSize; i++) {
      const value = readNumber(type, values, i);
      reconstructionError += (value - decoded[row * decodedSize + i]) ** 2;
      meanError += (value - mean[i]) ** 2;
    }
  });
  const count = surveyed.length * decodedSize;
  return {
    deviations: deviationsOf(latents, size),
    reconstructionError: reconstructionError / count,
    meanError: meanError / count,
  };
}

/** Standard deviations of the columns of `[rows, size]`; 1 throughout for a single row, which has none. */
export function deviationsOf(latents: Float32Array, size: number): number[] {
  const rows = latents.length / size;
  return Array.from({ length: size }, (_, i) => {
    if (rows < 2) return 1;
    let [sum, squares] = [0, 0];
    for (let row = 0; row < rows; row++) sum += latents[row * size + i];
    for (let row = 0; row < rows; row++) squares += (latents[row * size + i] - sum / rows) ** 2;
    return Math.sqrt(squares / rows);
  });
}
