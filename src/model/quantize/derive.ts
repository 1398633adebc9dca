import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { confinedFile, readUnpacked } from '../formats/confined-path.ts';
import { recognise } from '../formats/detect.ts';
import { readOnnx } from '../formats/onnx/graph.ts';
import type { ModelFiles, Quantization, Span } from './kind.ts';
import { halfOnnx, int8Onnx, spansNeeded } from './onnx.ts';
import { quantizeTfjs } from './tfjs.ts';

/** Tells the spans of a model's tensors on the seeds. */
export type Calibrate = (tensors: readonly string[]) => Promise<ReadonlyMap<string, Span>>;

/** Bytes of an ONNX file: protobuf holds no more. */
const MOST_BYTES = 2 ** 31;

/**
 * Derives a quantized copy of a saved model.
 *
 * @param calibrate asked where spans are needed, which is for int8 copies of ONNX models
 * @throws UserError where it is quantized already, or can't be
 */
export async function deriveCopy(
  path: string,
  kind: Quantization,
  calibrate: Calibrate,
): Promise<ModelFiles> {
  const { path: file, family } = await recognise(path);
  if (family === 'tfjs') return quantizeTfjs(file, kind);
  if (family === 'saved-model') {
    throw new UserError(
      `${file} is a SavedModel, which can't be quantized here: convert it with tensorflowjs_converter or tf2onnx first`,
    );
  }
  const bytes = await readUnpacked(file, MOST_BYTES);
  const external = new Map<string, Uint8Array>();
  for (const { location } of readOnnx(bytes, file).external) {
    if (external.has(location)) continue;
    external.set(location, await readFile(await confinedFile(dirname(file), location, file)));
  }
  const copy =
    kind === 'int8'
      ? int8Onnx(bytes, file, external, await calibrate(spansNeeded(bytes, file, external)))
      : halfOnnx(bytes, file, kind, external);
  return new Map([[`${basename(file).replace(/(\.onnx)?(\.gz)?$/i, '')}-${kind}.onnx`, copy]]);
}

/** Whether a copy of this kind needs to see the seeds. */
export async function needsSeeds(path: string, kind: Quantization): Promise<boolean> {
  return kind === 'int8' && (await recognise(path)).family === 'onnx';
}
