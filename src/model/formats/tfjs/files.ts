import { createHash, type Hash } from 'node:crypto';
import { dirname } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { errorMessage, UserError } from '../../../core/errors.ts';
import { sizeOf } from '../../../tensor/tensor.ts';
import { readUnpacked, resolveConfinedFile } from '../confined-path.ts';

/** Name of the weight file of a model that is written in one piece, as tensorflowjs_converter calls it. */
export const TFJS_WEIGHT_FILE = 'group1-shard1of1.bin';

/** A model.json with its weight files, read and checked. */
export interface TfjsFiles {
  readonly artifacts: TfjsArtifacts;
  readonly format: 'tfjs-graph' | 'tfjs-layers';
  readonly sha256: string;
  /** Size of all files in bytes, unpacked. */
  readonly bytes: number;
}

/** Topology and weights of a model, the latter in one piece. */
export interface TfjsArtifacts extends io.ModelArtifacts {
  readonly weightData: ArrayBuffer;
}

/** Size limit of a model.json in bytes; the largest known have some ten million. */
const MAX_JSON_BYTES = 1 << 27;

/**
 * Reads model.json and the weight files that its manifest names; gzip is unpacked.
 *
 * @throws UserError if a file is missing, is not JSON, lies outside the model's folder (symbolic links followed), or
 *   has fewer bytes than the manifest says
 */
export async function readTfjsFiles(path: string): Promise<TfjsFiles> {
  const text = await readUnpacked(path, MAX_JSON_BYTES);
  const json = parseModelJson(text, path);
  const hash = createHash('sha256').update(text);
  const groups: Uint8Array[] = [];
  for (const group of json.weightsManifest) groups.push(await readWeightGroup(group, path, hash));
  const weights = Buffer.concat(groups);
  return {
    artifacts: {
      ...json,
      weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
      weightData: new Uint8Array(weights).buffer,
    },
    format: formatOf(json),
    sha256: hash.digest('hex'),
    bytes: text.length + weights.length,
  };
}

async function readWeightGroup(
  { paths, weights }: io.ModelJSON['weightsManifest'][number],
  path: string,
  hash: Hash,
): Promise<Uint8Array> {
  const least = weights.reduce((sum, spec) => sum + weightBytes(spec, path), 0);
  // How long strings are stands in the file.
  const most = weights.some(isStringWeight) ? least + MAX_STRING_BYTES : least;
  const parts: Uint8Array[] = [];
  let have = 0;
  for (const file of paths) {
    // A hostile manifest may name one file a million times.
    if (have > most) break;
    const bytes = await readUnpacked(await resolveConfinedFile(dirname(path), file, path), most);
    hash.update(bytes);
    parts.push(bytes);
    have += bytes.length;
  }
  const data = Buffer.concat(parts);
  const need = weights.reduce((from, spec) => endOfWeight(spec, data, from), 0);
  if (have < need) {
    throw new UserError(
      `${path}: the weights in ${paths.join(', ')} are truncated: ${have} bytes where the manifest says ${need}; copy them again`,
    );
  }
  return data.subarray(0, need);
}

/** Limit on the bytes of a group's strings. */
const MAX_STRING_BYTES = 1 << 26;

function isStringWeight({ dtype, quantization }: io.WeightsManifestEntry): boolean {
  return dtype === 'string' && quantization === undefined;
}

/** Bytes of the length that stands before each string. */
const STRING_LENGTH_BYTES = 4;

/** Offset behind a weight that begins at `from`; it may lie behind the end of the data, where that is cut short. */
function endOfWeight(spec: io.WeightsManifestEntry, data: Uint8Array, from: number): number {
  if (!isStringWeight(spec)) return from + storedBytes(spec);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let end = from;
  for (let left = sizeOf(spec.shape); left > 0; left--) {
    if (end + STRING_LENGTH_BYTES > data.length) return end + left * STRING_LENGTH_BYTES;
    end += STRING_LENGTH_BYTES + view.getUint32(end, true);
  }
  return end;
}

/** Each weight's manifest entry and its bytes, in the order of the weight data. */
export function storedWeights({
  weightSpecs = [],
  weightData,
}: TfjsArtifacts): { readonly spec: io.WeightsManifestEntry; readonly bytes: Uint8Array }[] {
  const data = new Uint8Array(weightData);
  let from = 0;
  return weightSpecs.map((spec) => {
    const bytes = data.subarray(from, endOfWeight(spec, data, from));
    from += bytes.length;
    return { spec, bytes };
  });
}

function parseModelJson(text: Buffer, path: string): io.ModelJSON {
  let json: Partial<io.ModelJSON> | null;
  try {
    json = JSON.parse(text.toString('utf8')) as Partial<io.ModelJSON> | null;
  } catch (error) {
    throw new UserError(
      `${path} is not a TensorFlow.js model: it is not valid JSON (${errorMessage(error)})`,
    );
  }
  if (typeof json !== 'object' || json?.modelTopology === undefined || !Array.isArray(json.weightsManifest)) {
    throw new UserError(
      `${path} is not a TensorFlow.js model: it has no modelTopology or weightsManifest; name the model.json that tensorflowjs_converter wrote`,
    );
  }
  const isWellFormed = json.weightsManifest.every(
    (group) =>
      Array.isArray(group?.paths) &&
      group.paths.every((file) => typeof file === 'string') &&
      Array.isArray(group.weights) &&
      group.weights.every((spec) => typeof spec?.name === 'string' && Array.isArray(spec.shape)),
  );
  if (!isWellFormed)
    throw new UserError(`${path}: its weightsManifest is malformed; convert the model again`);
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

/** Size of a weight in the weight file, the least where it holds strings; NaN for types that are not supported. */
function storedBytes(spec: io.WeightsManifestEntry): number {
  const { shape, dtype, quantization } = spec;
  if (isStringWeight(spec)) return STRING_LENGTH_BYTES * sizeOf(shape);
  return (BYTES_BY_TYPE[quantization?.dtype ?? dtype] ?? Number.NaN) * sizeOf(shape);
}

/** @throws UserError if a weight's type is not supported, or its shape is impossible */
function weightBytes(spec: io.WeightsManifestEntry, path: string): number {
  if (!spec.shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
    throw new UserError(
      `${path}: weight ${spec.name} has the impossible shape [${spec.shape}]; convert it again`,
    );
  }
  const bytes = storedBytes(spec);
  if (Number.isNaN(bytes)) {
    const type = spec.quantization?.dtype ?? spec.dtype;
    throw new UserError(`${path}: weight ${spec.name} is of type ${type}, which is not supported`);
  }
  return bytes;
}
