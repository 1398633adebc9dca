import { randomUUID } from 'node:crypto';
import { UserError } from '../../../../core/errors.ts';
import { decodeMessage } from '../../decode-message.ts';
import { encodeModel } from '../control-flow/encode-model.ts';
import { decodeOnnx } from '../decode-model.ts';
import { type OnnxModel, type OnnxTensor, TensorProto } from '../proto.ts';
import { EXTERNAL_LOCATION, externalRange } from './external-tensor.ts';
import { type ExternalValues, readWeightFiles } from './read-weight-files.ts';
import { scanOnnx } from './scan-file.ts';
import { visitTensors } from './visit-tensors.ts';

/** Size limit of an ONNX file: protobuf holds no more. */
export const MAX_ONNX_BYTES = 2 ** 31;

/** Weights from this size on, in bytes, are given to the runtime beside the model, since a file holds 2 GB at most. */
const LARGE_WEIGHT_BYTES = 1 << 20;

/** A file of weights in memory. */
export interface WeightFile {
  /** By which the model's bytes refer to it: a random name, which no file has. */
  readonly path: string;
  readonly data: Uint8Array;
}

/** A model whose bytes refer to no file on disk. */
export interface InlinedModel {
  readonly bytes: Uint8Array;
  /** Weights that the bytes refer to. */
  readonly weightFiles: readonly WeightFile[];
  /** Contents of all files that were read beside the model. */
  readonly contents: readonly Uint8Array[];
}

/**
 * Replaces all references of an ONNX file to other files, wherever a tensor may stand in it, by their contents. The runtime
 * gets a model as bytes, without its folder: it would resolve what is left against the working directory.
 *
 * @param keepsLarge whether large initializers of the main graph stay apart, in `weightFiles`
 * @throws UserError if the file is damaged, or names one that lies outside its folder, can't be read, or is too short
 */
export async function inlineExternalData(
  file: Uint8Array,
  path: string,
  { keepsLarge }: { readonly keepsLarge: boolean },
): Promise<InlinedModel> {
  if (isSelfContained(file, path)) return { bytes: file, weightFiles: [], contents: [] };
  const model = decodeOnnx(file, path);
  const tensors = externalTensors(model);
  const { contents, values } = await readWeightFiles(tensors, path);
  const initializers = new Set(keepsLarge ? model.graph?.initializer : []);
  const isApart = ({ tensor, bytes }: ExternalValues): boolean =>
    bytes.length >= LARGE_WEIGHT_BYTES && initializers.has(tensor);
  const apart = values.filter(isApart);
  const inlined = values.filter((value) => !isApart(value));
  const size = inlined.reduce((sum, { bytes }) => sum + bytes.length, file.length);
  if (size >= MAX_ONNX_BYTES)
    throw new UserError(
      `${path} takes ${size} bytes with the weights of its other files, and an ONNX file may hold ${MAX_ONNX_BYTES}: refused`,
    );
  for (const { tensor, bytes } of inlined)
    Object.assign(tensor, { rawData: bytes, dataLocation: 0, externalData: [] });
  const names = new Map(apart.map(({ location }) => [location, randomUUID()]));
  for (const { tensor, location, offset, bytes } of apart) {
    const reference = { location: names.get(location), offset, length: bytes.length };
    Object.assign(tensor, {
      externalData: Object.entries(reference).map(([key, value]) => ({ key, value: String(value) })),
    });
  }
  return {
    bytes: encodeModel(model),
    weightFiles: [...names].map(([location, name]) => ({
      path: name,
      data: contents.get(location) ?? new Uint8Array(),
    })),
    contents: [...contents.values()],
  };
}

/**
 * Refuses bytes that would make the runtime read a file. All that is given to it goes through this.
 *
 * @param weightFiles that the bytes may refer to
 * @throws UserError if a tensor refers to another file, or a field is not known, in which one could
 */
export function checkSelfContained(
  bytes: Uint8Array,
  weightFiles: readonly WeightFile[],
  path: string,
): void {
  const { external, hasUnknownFields } = scanOnnx(bytes);
  const names = new Set(weightFiles.map((file) => file.path));
  const isOutside = (tensor: Uint8Array): boolean =>
    !names.has(externalRange(decodeMessage<OnnxTensor>(TensorProto, tensor), path).location);
  if (hasUnknownFields || external.some(isOutside))
    throw new UserError(`${path} refers to a file that is not a part of it; refused`);
}

function isSelfContained(file: Uint8Array, path: string): boolean {
  try {
    const { external, hasUnknownFields } = scanOnnx(file);
    return external.length === 0 && !hasUnknownFields;
  } catch {
    // The decoder tells what is wrong with it.
    decodeOnnx(file, path);
    return false;
  }
}

function externalTensors(model: OnnxModel): OnnxTensor[] {
  const found: OnnxTensor[] = [];
  visitTensors(model, (tensor) => {
    if (tensor.dataLocation === EXTERNAL_LOCATION) found.push(tensor);
    // What is no reference to the runtime is not to look like one.
    else if (tensor.externalData.length > 0 || tensor.dataLocation !== 0)
      Object.assign(tensor, { externalData: [], dataLocation: 0 });
  });
  return found;
}

/**
 * Paths of the files that a model names beside its own, as it names them.
 *
 * @throws UserError if it is damaged
 */
export function externalLocations(file: Uint8Array, path: string): string[] {
  const tensors = externalTensors(decodeOnnx(file, path));
  return [...new Set(tensors.map((tensor) => externalRange(tensor, path).location))];
}
