import type { io } from '@tensorflow/tfjs-core';
import { UserError } from '../../core/errors.ts';
import { numberToHalf } from '../../tensor/tensor.ts';
import { readTfjsFiles } from '../formats/tfjs/files.ts';
import type { ModelFiles, Quantization } from './kind.ts';

const WEIGHT_FILE = 'group1-shard1of1.bin';

/**
 * A copy of a TensorFlow.js model whose weights are stored as tensorflowjs_converter quantizes them: int8 as 8-bit
 * numbers with a scale and a least value a weight, float16 as halves. The runtime computes in single precision all
 * the same.
 *
 * @throws UserError where it is quantized already, or asked for as bfloat16, which the format does not have
 */
export async function quantizeTfjs(path: string, kind: Quantization): Promise<ModelFiles> {
  if (kind === 'bfloat16') {
    throw new UserError(
      `${path} is a TensorFlow.js model, whose format has no bfloat16: use float16 or int8, or convert it to ONNX with tf2onnx`,
    );
  }
  const { artifacts } = await readTfjsFiles(path);
  const specs = artifacts.weightSpecs ?? [];
  const quantized = specs.find(({ quantization }) => quantization !== undefined);
  if (quantized !== undefined) {
    throw new UserError(
      `${path} is quantized already (weight ${quantized.name}): name the model that it was made from`,
    );
  }
  const all = new Uint8Array(artifacts.weightData as ArrayBuffer);
  const parts: Uint8Array[] = [];
  const weights: io.WeightsManifestEntry[] = [];
  let at = 0;
  for (const spec of specs) {
    const count = spec.shape.reduce((product, size) => product * size, 1);
    const length =
      count * (spec.dtype === 'float32' || spec.dtype === 'int32' ? 4 : spec.dtype === 'complex64' ? 8 : 1);
    const bytes = all.slice(at, at + length);
    at += length;
    if (spec.dtype !== 'float32') {
      parts.push(bytes);
      weights.push(spec);
      continue;
    }
    const values = new Float32Array(bytes.buffer);
    if (kind === 'float16') {
      const halves = Uint16Array.from(values, numberToHalf);
      parts.push(new Uint8Array(halves.buffer));
      weights.push({ ...spec, quantization: { dtype: 'float16', original_dtype: 'float32' } as never });
      continue;
    }
    const { scale, least } = affineScale(values);
    parts.push(
      Uint8Array.from(values, (value) => Math.max(0, Math.min(255, Math.round((value - least) / scale)))),
    );
    weights.push({
      ...spec,
      quantization: { dtype: 'uint8', scale, min: least, original_dtype: 'float32' } as never,
    });
  }
  const { weightData: _data, weightSpecs: _specs, ...json } = artifacts;
  const manifest = [{ paths: [WEIGHT_FILE], weights }];
  return new Map([
    ['model.json', Buffer.from(`${JSON.stringify({ ...json, weightsManifest: manifest })}\n`)],
    [WEIGHT_FILE, Buffer.concat(parts)],
  ]);
}

/** Scale and least value that lay values onto 0 to 255, zero on a whole number where they hold it. */
function affineScale(values: Float32Array): { readonly scale: number; readonly least: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(high > low)) return { scale: 1, least: Number.isFinite(low) ? low : 0 };
  const scale = (high - low) / 255;
  const least = low <= 0 && high >= 0 ? -Math.round(-low / scale) * scale : low;
  return { scale, least };
}
