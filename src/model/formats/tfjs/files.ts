import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { errorMessage, UserError } from '../../../core/errors.ts';
import { readUnpacked, resolveConfinedFile } from '../confined-path.ts';

/** A model.json with its weight files, read and checked. */
export interface TfjsFiles {
  readonly artifacts: io.ModelArtifacts;
  readonly format: 'tfjs-graph' | 'tfjs-layers';
  readonly sha256: string;
  /** Bytes of all files, unpacked. */
  readonly bytes: number;
}

/** Bytes of a model.json: the largest known hold some ten million. */
const MAX_JSON_BYTES = 1 << 27;

/**
 * Reads model.json and the weight files that its manifest names; gzip is unpacked.
 *
 * @throws UserError where a file is missing, no JSON, lies outside the model's folder (symbolic links
 *   followed), or holds fewer bytes than the manifest says
 */
export async function readTfjsFiles(path: string): Promise<TfjsFiles> {
  const text = await readUnpacked(path, MAX_JSON_BYTES);
  const json = parseModelJson(text, path);
  const hash = createHash('sha256').update(text);
  const buffers: Uint8Array[] = [];
  for (const group of json.weightsManifest) {
    const need = group.weights.reduce((sum, spec) => sum + weightBytes(spec, path), 0);
    const parts: Uint8Array[] = [];
    let have = 0;
    for (const file of group.paths) {
      // A manifest may name one file a million times.
      if (have > need) break;
      const bytes = await readUnpacked(await resolveConfinedFile(dirname(path), file, path), need);
      hash.update(bytes);
      parts.push(bytes);
      have += bytes.length;
    }
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
  return {
    artifacts,
    format: formatOf(json),
    sha256: hash.digest('hex'),
    bytes: text.length + weights.length,
  };
}

function parseModelJson(text: Buffer, path: string): io.ModelJSON {
  let json: Partial<io.ModelJSON> | null;
  try {
    json = JSON.parse(text.toString('utf8')) as Partial<io.ModelJSON> | null;
  } catch (error) {
    throw new UserError(`${path} is not a TensorFlow.js model: it is no valid JSON (${errorMessage(error)})`);
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

const BYTES_BY_TYPE: Readonly<Record<string, number>> = {
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
  const bytes = BYTES_BY_TYPE[stored];
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
