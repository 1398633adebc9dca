import type { io } from '@tensorflow/tfjs-core';
import { UserError } from '../../core/errors.ts';
import { bytesOf, numberToHalf } from '../../tensor/tensor.ts';
import { readTfjsFiles, storedWeights, TFJS_WEIGHT_FILE } from '../formats/tfjs/files.ts';
import { MODEL_JSON } from '../model.ts';
import type { ModelFiles, Quantization } from './kind.ts';

/**
 * A copy of a TensorFlow.js model whose weights are stored in the formats of tensorflowjs_converter: int8 as 8-bit
 * integers with a scale and a minimum for each weight, float16 as halves. The runtime still computes in single
 * precision.
 *
 * @throws UserError if the model is quantized already, or for bfloat16, which the format does not have
 */
export async function quantizeTfjs(path: string, kind: Quantization): Promise<ModelFiles> {
  if (kind === 'bfloat16') {
    throw new UserError(
      `${path} is a TensorFlow.js model, whose format has no bfloat16: use float16 or int8, or convert it to ONNX with tf2onnx`,
    );
  }
  const { artifacts } = await readTfjsFiles(path);
  const { weightData: _data, weightSpecs: specs = [], ...json } = artifacts;
  const quantized = specs.find(({ quantization }) => quantization !== undefined);
  if (quantized !== undefined) {
    throw new UserError(`${path} is already quantized (weight ${quantized.name}): name the original model`);
  }
  const stored = storedWeights(artifacts).map(({ spec, bytes }): StoredWeight => {
    if (spec.dtype !== 'float32') return { spec, bytes };
    const values = new Float32Array(bytes.slice().buffer);
    return kind === 'float16' ? storeHalves(spec, values) : storeIntegers(spec, values);
  });
  const manifest = [{ paths: [TFJS_WEIGHT_FILE], weights: stored.map(({ spec }) => spec) }];
  return new Map([
    [MODEL_JSON, Buffer.from(`${JSON.stringify({ ...json, weightsManifest: manifest })}\n`)],
    [TFJS_WEIGHT_FILE, Buffer.concat(stored.map(({ bytes }) => bytes))],
  ]);
}

/** A weight's manifest entry and its bytes in the weight file. */
interface StoredWeight {
  readonly spec: io.WeightsManifestEntry;
  readonly bytes: Uint8Array;
}

function storeHalves(spec: io.WeightsManifestEntry, values: Float32Array): StoredWeight {
  return {
    // `original_dtype` is missing in the type of entries.
    spec: { ...spec, quantization: { dtype: 'float16', original_dtype: 'float32' } as never },
    bytes: bytesOf(Uint16Array.from(values, numberToHalf)),
  };
}

function storeIntegers(spec: io.WeightsManifestEntry, values: Float32Array): StoredWeight {
  const { scale, min } = affineScale(values);
  return {
    // `original_dtype` is missing in the type of entries.
    spec: { ...spec, quantization: { dtype: 'uint8', scale, min, original_dtype: 'float32' } as never },
    bytes: Uint8Array.from(values, (value) => Math.max(0, Math.min(255, Math.round((value - min) / scale)))),
  };
}

/** Scale and minimum that map values to 0..255; zero, if it is within their range, is mapped to an integer. */
function affineScale(values: Float32Array): { readonly scale: number; readonly min: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(high > low)) return { scale: 1, min: Number.isFinite(low) ? low : 0 };
  const scale = (high - low) / 255;
  const min = low <= 0 && high >= 0 ? -Math.round(-low / scale) * scale : low;
  return { scale, min };
}
