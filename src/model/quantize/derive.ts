import { basename } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { readUnpacked } from '../formats/confined-path.ts';
import { detectModel } from '../formats/detect.ts';
import { readExternalFiles } from '../formats/onnx/external-data.ts';
import { MAX_ONNX_BYTES, readOnnx } from '../formats/onnx/graph.ts';
import { tensorsToCalibrate } from './int8-plan.ts';
import type { CalibrationRange, ModelFiles, Quantization } from './kind.ts';
import { quantizeOnnxToHalf } from './quantize-onnx-to-half.ts';
import { quantizeOnnxToInt8 } from './quantize-onnx-to-int8.ts';
import { quantizeTfjs } from './quantize-tfjs.ts';

/** Measures the ranges of a model's tensors on the seeds. */
export type Calibrator = (tensors: readonly string[]) => Promise<ReadonlyMap<string, CalibrationRange>>;

/**
 * Derives a quantized copy of a saved model.
 *
 * @param calibrate called if ranges are needed, which is for int8 copies of ONNX models
 * @throws UserError if the model is quantized already, or cannot be quantized
 */
export async function deriveQuantizedModel(
  path: string,
  kind: Quantization,
  calibrate: Calibrator,
): Promise<ModelFiles> {
  const { path: file, family } = await detectModel(path);
  if (family === 'tfjs') return quantizeTfjs(file, kind);
  if (family === 'saved-model') {
    throw new UserError(
      `${file} is a SavedModel, which can't be quantized here: convert it with tensorflowjs_converter or tf2onnx first`,
    );
  }
  const bytes = await readUnpacked(file, MAX_ONNX_BYTES);
  const externalFiles = await readExternalFiles(readOnnx(bytes, file).external, file);
  const external = new Map(externalFiles.map(({ path: location, data }) => [location, data]));
  const copy =
    kind === 'int8'
      ? quantizeOnnxToInt8(bytes, file, external, await calibrate(tensorsToCalibrate(bytes, file, external)))
      : quantizeOnnxToHalf(bytes, file, kind, external);
  return new Map([[`${basename(file).replace(/(\.onnx)?(\.gz)?$/i, '')}-${kind}.onnx`, copy]]);
}

/** Whether deriving this kind of copy needs seeds to calibrate on. */
export async function needsCalibration(path: string, kind: Quantization): Promise<boolean> {
  return kind === 'int8' && (await detectModel(path)).family === 'onnx';
}
