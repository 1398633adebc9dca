import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { fileError, reason, UserError } from '../errors.ts';

/** A model.json with its weight files, read and checked. */
export interface TfjsFiles {
  readonly artifacts: io.ModelArtifacts;
  readonly format: 'tfjs-graph' | 'tfjs-layers';
  readonly sha256: string;
}

/**
 * Reads model.json and the weight files that its manifest names.
 *
 * @throws UserError where a file is missing, no JSON, lies outside the model's folder (symbolic links
 *   followed), or holds fewer bytes than the manifest says
 */
export async function readTfjsFiles(path: string): Promise<TfjsFiles> {
  let text: Buffer;
  try {
    text = await readFile(path);
  } catch (error) {
    throw fileError(error, 'read the model', path);
  }
  const json = parseModelJson(text, path);
  const folder = await realpath(dirname(path));
  const hash = createHash('sha256').update(text);
  const buffers: Uint8Array[] = [];
  for (const group of json.weightsManifest) {
    const parts: Uint8Array[] = [];
    for (const file of group.paths) {
      const bytes = await readWeights(folder, file, path);
      hash.update(bytes);
      parts.push(bytes);
    }
    const have = parts.reduce((sum, part) => sum + part.length, 0);
    const need = group.weights.reduce((sum, spec) => sum + weightBytes(spec, path), 0);
    if (have < need) {
      throw new UserError(
        `${path}: the weights in ${group.paths.join(', ')} are cut short: ${have} bytes where the manifest says ${need}; copy them again`,
      );
    }
    buffers.push(Buffer.concat(parts).subarray(0, need));
  }
  const weights = Buffer.concat(buffers);
  const artifacts: io.ModelArtifacts = {
    ...json,
    weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length) as ArrayBuffer,
  };
  return { artifacts, format: formatOf(json), sha256: hash.digest('hex') };
}

function parseModelJson(text: Buffer, path: string): io.ModelJSON {
  let json: Partial<io.ModelJSON> | null;
  try {
    json = JSON.parse(text.toString('utf8')) as Partial<io.ModelJSON> | null;
  } catch (error) {
    throw new UserError(`${path} is not a TensorFlow.js model: it is no valid JSON (${reason(error)})`);
  }
  if (typeof json !== 'object' || json?.modelTopology === undefined || !Array.isArray(json.weightsManifest)) {
    throw new UserError(
      `${path} is not a TensorFlow.js model: it has no modelTopology or weightsManifest; name the model.json that tensorflowjs_converter wrote`,
    );
  }
  const sound = json.weightsManifest.every(
    (group) =>
      Array.isArray(group?.paths) &&
      group.paths.every((file) => typeof file === 'string') &&
      Array.isArray(group.weights) &&
      group.weights.every((spec) => typeof spec?.name === 'string' && Array.isArray(spec.shape)),
  );
  if (!sound) throw new UserError(`${path}: its weightsManifest is malformed; convert the model again`);
  return json as io.ModelJSON;
}

function formatOf(json: io.ModelJSON): TfjsFiles['format'] {
  if (json.format === 'graph-model') return 'tfjs-graph';
  if (json.format === 'layers-model') return 'tfjs-layers';
  return 'node' in json.modelTopology ? 'tfjs-graph' : 'tfjs-layers';
}

async function readWeights(folder: string, file: string, model: string): Promise<Uint8Array> {
  const path = resolve(folder, file);
  const outside = new UserError(
    `${model}: its manifest names the weight file ${JSON.stringify(file)}, which lies outside the model's folder; refused`,
  );
  if (isAbsolute(file) || !isWithin(folder, path)) throw outside;
  try {
    if (!isWithin(folder, await realpath(path))) throw outside;
    if (!(await stat(path)).isFile()) throw new UserError(`${path}, a weight file of ${model}, is no file`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw fileError(error, `read a weight file of ${model},`, join(folder, file));
  }
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

const TYPE_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  uint8: 1,
  uint16: 2,
  float16: 2,
  complex64: 8,
};

function weightBytes(spec: io.WeightsManifestEntry, path: string): number {
  const stored = spec.quantization?.dtype ?? spec.dtype;
  const bytes = TYPE_BYTES[stored];
  if (bytes === undefined) {
    throw new UserError(`${path}: weight ${spec.name} is of type ${stored}, which is not supported`);
  }
  if (!spec.shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
    throw new UserError(
      `${path}: weight ${spec.name} has the impossible shape [${spec.shape}]; convert it again`,
    );
  }
  return bytes * spec.shape.reduce((product, dimension) => product * dimension, 1);
}
