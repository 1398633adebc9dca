import type { io } from '@tensorflow/tfjs-core';
import { UserError } from '../../core/errors.ts';
import { readTfjsFiles, storedWeights, TFJS_WEIGHT_FILE } from '../../model/formats/tfjs/files.ts';
import { MODEL_JSON } from '../../model/model.ts';
import type { ModelFiles } from '../../model/quantize/kind.ts';
import { bytesOf, DTYPES, type DType, isDType } from '../../tensor/tensor.ts';
import { drawWeights, type WeightDraws, weightStream } from './draw-weights.ts';

/**
 * A copy of a TensorFlow.js model in which some weights are drawn again. Weights that are stored quantized are drawn as they are
 * stored, with scale and minimum kept.
 *
 * @throws UserError where the files cannot be read, or lack one of the weights
 */
export async function randomizeTfjs(
  path: string,
  constants: readonly string[],
  draws: WeightDraws,
): Promise<ModelFiles> {
  const { artifacts } = await readTfjsFiles(path);
  const { weightData: _data, weightSpecs: _specs, ...json } = artifacts;
  const wanted = new Set(constants);
  const stored = storedWeights(artifacts).map(({ spec, bytes }) => {
    if (!wanted.delete(spec.name)) return { spec, bytes };
    const type = storedType(spec, path);
    const size = bytes.length / DTYPES[type].bytes;
    const data = DTYPES[type].view(bytes.slice().buffer, 0, size);
    const drawn = drawWeights({ type, shape: spec.shape, data }, draws.kind, weightStream(draws, spec.name));
    return { spec, bytes: bytesOf(drawn.data) };
  });
  const [missing] = wanted;
  if (missing !== undefined)
    throw new UserError(`${path}: no weight is called ${missing}: leave its layer out by --layers`);
  const manifest = [{ paths: [TFJS_WEIGHT_FILE], weights: stored.map(({ spec }) => spec) }];
  return new Map([
    [MODEL_JSON, Buffer.from(`${JSON.stringify({ ...json, weightsManifest: manifest })}\n`)],
    [TFJS_WEIGHT_FILE, Buffer.concat(stored.map(({ bytes }) => bytes))],
  ]);
}

/** The type in which a weight lies in its file. */
function storedType({ name, dtype, quantization }: io.WeightsManifestEntry, path: string): DType {
  const type = quantization?.dtype ?? dtype;
  if (isDType(type) && type !== 'bool') return type;
  throw new UserError(`${path}: weight ${name} is of type ${type}: leave its layer out by --layers`);
}
