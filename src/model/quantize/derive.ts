import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { readUnpacked, resolveConfinedFile } from '../formats/confined-path.ts';
import { detectModel } from '../formats/detect.ts';
import { readOnnx } from '../formats/onnx/graph.ts';
import type { ModelFiles, Quantization } from './kind.ts';
import type { Calibrator } from './quantizer.ts';
import { QUANTIZERS } from './registry.ts';

/** Bytes of an ONNX file: protobuf holds no more. */
const MAX_BYTES = 2 ** 31;

/**
 * Derives a quantized copy of a saved model.
 *
 * @param calibrate asked where spans are needed, which is for int8 copies of ONNX models
 * @throws UserError where it is quantized already, or can't be
 */
export async function deriveQuantizedModel(
  path: string,
  kind: Quantization,
  calibrate: Calibrator,
): Promise<ModelFiles> {
  const { kind: quantization, values } = QUANTIZERS.resolveBuiltIn(kind);
  const quantizer = quantization.make(values);
  const { path: file, family } = await detectModel(path);
  if (family === 'tfjs') return quantizer.quantizeTfjs(file);
  if (family === 'saved-model') {
    throw new UserError(
      `${file} is a SavedModel, which can't be quantized here: convert it with tensorflowjs_converter or tf2onnx first`,
    );
  }
  const bytes = await readUnpacked(file, MAX_BYTES);
  const external = new Map<string, Uint8Array>();
  for (const { location } of readOnnx(bytes, file).external) {
    if (external.has(location)) continue;
    external.set(location, await readFile(await resolveConfinedFile(dirname(file), location, file)));
  }
  const copy = await quantizer.quantizeOnnx({ bytes, path: file, external }, calibrate);
  return new Map([[`${basename(file).replace(/(\.onnx)?(\.gz)?$/i, '')}-${quantization.name}.onnx`, copy]]);
}

/** Whether a copy of this kind needs to see the seeds. */
export async function needsCalibration(path: string, kind: Quantization): Promise<boolean> {
  const { calibratesOnnx = false } = QUANTIZERS.resolveBuiltIn(kind).kind;
  return calibratesOnnx && (await detectModel(path)).family === 'onnx';
}
