import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, UserError } from '../../../../core/errors.ts';
import { quoteEscaped } from '../../../../core/escape-control.ts';
import { resolveConfinedFile } from '../../confined-path.ts';
import type { OnnxTensor } from '../proto.ts';
import { type ExternalRange, externalRange } from './external-tensor.ts';

/** Values of a tensor in a file beside the model. */
export interface ExternalValues extends ExternalRange {
  readonly tensor: OnnxTensor;
  readonly bytes: Uint8Array;
}

/** The weight files of a model. */
export interface WeightFiles {
  /** Contents by the path that the model names, in the order in which it first names them. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly values: readonly ExternalValues[];
}

/**
 * Reads the files that these tensors lie in.
 *
 * @param model path of the model's file
 * @throws UserError if one lies outside the model's folder, cannot be read, or is too short
 */
export async function readWeightFiles(tensors: readonly OnnxTensor[], model: string): Promise<WeightFiles> {
  const contents = new Map<string, Uint8Array>();
  const values: ExternalValues[] = [];
  for (const tensor of tensors) {
    const range = externalRange(tensor, model);
    const { location, offset, length } = range;
    const content = contents.get(location) ?? (await readWeightFile(location, model));
    contents.set(location, content);
    const end = length === undefined ? Math.max(offset, content.length) : offset + length;
    if (end > content.length) {
      throw new UserError(
        `${model}: weight ${quoteEscaped(tensor.name)} lies at ${offset} to ${end} of ${quoteEscaped(location)}, which holds ${content.length} bytes: copy both again`,
      );
    }
    values.push({ ...range, tensor, bytes: content.subarray(offset, end) });
  }
  return { contents, values };
}

async function readWeightFile(location: string, model: string): Promise<Uint8Array> {
  const path = await resolveConfinedFile(dirname(model), location, model);
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, `read, for ${model},`, location);
  }
}
