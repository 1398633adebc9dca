import { UserError } from '../core/errors.ts';
import { readNumber, shapeText, sizeOf } from '../tensor/tensor.ts';
import { findArray, readSeedFiles } from './seed-files.ts';

/**
 * Reads the mask of an input's values that must not be mutated.
 *
 * @param path a file in any seed format; its nonzero values are fixed
 * @param shape of the input's testcases; null sizes are dynamic, for which there can be no mask
 * @returns one byte per value: 1 if it is fixed, else 0
 * @throws UserError if the file can't be read or has another shape
 */
export async function readFixedMask(
  path: string,
  input: string,
  shape: readonly (number | null)[],
): Promise<Uint8Array> {
  const files = await readSeedFiles(path);
  const [file] = files;
  const tensor = findArray(file, input);
  if (files.length !== 1 || tensor === undefined) {
    throw new UserError(`--fixed: ${path} must hold one mask for input ${input}`);
  }
  const squeezed = tensor.shape.filter((size) => size !== 1);
  const inputShape = shape.filter((size) => size !== null);
  const hasShape = String(squeezed) === String(inputShape.filter((size) => size !== 1));
  const isFlat = squeezed.length === 1 && squeezed[0] === sizeOf(inputShape);
  if (inputShape.length < shape.length || !(hasShape || isFlat)) {
    throw new UserError(
      `--fixed: ${path} is a mask of ${shapeText(tensor.shape)}; input ${input} takes ${shapeText(shape)}`,
    );
  }
  return Uint8Array.from({ length: tensor.data.length }, (_, i) =>
    readNumber(tensor.type, tensor.data, i) === 0 ? 0 : 1,
  );
}
