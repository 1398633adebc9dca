import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, UserError } from '../../../core/errors.ts';
import { resolveConfinedFile } from '../confined-path.ts';
import type { ExternalTensor } from './external-tensor.ts';

/** A file of weights beside a model. */
export interface ExternalFile {
  /** Path as the model names it. */
  readonly path: string;
  readonly data: Uint8Array;
}

/**
 * Reads the weight files of a model.
 *
 * @throws UserError if one lies outside the model's folder, cannot be read, or is too short
 */
export async function readExternalFiles(
  tensors: readonly ExternalTensor[],
  model: string,
): Promise<ExternalFile[]> {
  const files = new Map<string, Uint8Array>();
  for (const { tensor, location, offset, length = 0 } of tensors) {
    const data = files.get(location) ?? (await readExternalFile(location, model));
    files.set(location, data);
    const isInside = offset >= 0 && length >= 0 && offset + length <= data.length;
    if (!isInside) {
      throw new UserError(
        `${model}: weight ${tensor} lies at ${offset} of ${location}, which holds ${data.length} bytes: copy both again`,
      );
    }
  }
  return [...files].map(([path, data]) => ({ path, data }));
}

async function readExternalFile(location: string, model: string): Promise<Uint8Array> {
  const path = await resolveConfinedFile(dirname(model), location, model);
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, `read, for ${model},`, location);
  }
}
