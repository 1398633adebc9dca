import { UserError } from '../core/errors.ts';
import { readNumber, shapeText, sizeOf } from '../tensor/tensor.ts';
import { readSeedFiles } from './seed-files.ts';

/**
 * Reads a mask of an input: 1 where a value is to stay, 0 elsewhere.
 *
 * @param path a file that seeds may be in as well; what is not 0 in it stays
 * @param shape of the input's testcases; null where the model leaves a size open
 * @throws UserError where it can't be read or is of another shape
 */
export async function readFixedMask(
  path: string,
  input: string,
  shape: readonly (number | null)[],
): Promise<Uint8Array> {
  const files = await readSeedFiles(path);
  const [file] = files;
  const tensor =
    file.arrays.get(input) ?? (file.arrays.size === 1 ? [...file.arrays.values()][0] : undefined);
  if (files.length !== 1 || tensor === undefined) {
    throw new UserError(`--fixed: ${path} must hold one mask for input ${input}`);
  }
  const wanted = shape.filter((side) => side !== 1);
  const own = tensor.shape.filter((side) => side !== 1);
  const fits = String(own) === String(wanted) || (own.length === 1 && own[0] === sizeOf(wanted as number[]));
  if (shape.includes(null) || !fits) {
    throw new UserError(
      `--fixed: ${path} is a mask of ${shapeText(tensor.shape)}; input ${input} takes ${shapeText(shape)}`,
    );
  }
  return Uint8Array.from({ length: tensor.data.length }, (_, i) =>
    readNumber(tensor.type, tensor.data, i) === 0 ? 0 : 1,
  );
}
