import { basename } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { readUnpacked } from '../formats/confined-path.ts';
import { detectModel } from '../formats/detect.ts';
import { inlineExternalData, MAX_ONNX_BYTES } from '../formats/onnx/external-data/inline-external-data.ts';
import { HALF_MAX, type HalfSettings } from '../half.ts';
import type { ModelFiles, Quantization } from './kind.ts';
import type { Calibrator } from './quantizer.ts';
import { QUANTIZERS } from './registry.ts';

/**
 * Derives a quantized copy of a saved model.
 *
 * @param calibrate called if ranges are needed, which is for int8 copies of ONNX models
 * @param half how a copy in half precision adds up
 * @throws UserError if the model is quantized already, or cannot be quantized
 */
export async function deriveQuantizedModel(
  path: string,
  kind: Quantization,
  calibrate: Calibrator,
  half?: HalfSettings,
): Promise<ModelFiles> {
  const { kind: quantization, values } = QUANTIZERS.resolveBuiltIn(kind);
  const quantizer = quantization.make(values);
  const { path: file, family } = await detectModel(path);
  const addsUpInHalf = half !== undefined && half.accumulate !== 'float32';
  if (addsUpInHalf && !(quantization.name in HALF_MAX && family === 'onnx'))
    throw new UserError(
      `--half accumulate=${half.accumulate} is for float16 and bfloat16 copies of ONNX models: remove it`,
    );
  if (family === 'tfjs') return quantizer.quantizeTfjs(file);
  if (family === 'saved-model') {
    throw new UserError(
      `${file} is a SavedModel, which neurofuzz cannot quantize: convert it with tensorflowjs_converter or tf2onnx first`,
    );
  }
  const original = await readUnpacked(file, MAX_ONNX_BYTES);
  const { bytes } = await inlineExternalData(original, file, { keepsLarge: false });
  const copy = await quantizer.quantizeOnnx({ bytes, path: file, half }, calibrate);
  return new Map([[`${basename(file).replace(/(\.onnx)?(\.gz)?$/i, '')}-${quantization.name}.onnx`, copy]]);
}

/** Whether deriving this kind of copy needs seeds to calibrate on. */
export async function needsCalibration(path: string, kind: Quantization): Promise<boolean> {
  const { calibratesOnnx = false } = QUANTIZERS.resolveBuiltIn(kind).kind;
  return calibratesOnnx && (await detectModel(path)).family === 'onnx';
}
