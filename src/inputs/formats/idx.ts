import { gunzipSync } from 'node:zlib';
import { errorMessage, UserError } from '../../core/errors.ts';
import { DTYPES, type DType, sizeOf, type Tensor } from '../../tensor/tensor.ts';

/** Largest uncompressed size of a gzipped file. */
const MAX_UNZIPPED_BYTES = 2 ** 31 - 1;

const IDX_TYPES: Readonly<Record<number, DType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

/**
 * Decodes an IDX file, gzipped or not (http://yann.lecun.com/exdb/mnist/): two zero bytes, the type code, the number of
 * dimensions, the dimensions and the values, all big-endian.
 *
 * @throws UserError if the file is not IDX or is truncated
 */
export function decodeIdx(file: Uint8Array, source: string): Tensor {
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? gunzip(file, source) : Buffer.from(file);
  const type = IDX_TYPES[bytes[2]];
  const rank = bytes[3];
  if (
    bytes.length < 4 ||
    bytes[0] !== 0 ||
    bytes[1] !== 0 ||
    type === undefined ||
    bytes.length < 4 + 4 * rank
  ) {
    throw new UserError(`${source} is not an IDX file`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const start = 4 + 4 * rank;
  const width = DTYPES[type].bytes;
  const requiredBytes = sizeOf(shape) * width;
  if (bytes.length - start < requiredBytes) {
    throw new UserError(
      `${source} is cut short: ${bytes.length - start} bytes of values where its shape needs ${requiredBytes}`,
    );
  }
  // A copy in a buffer of its own, since typed arrays require aligned offsets.
  const aligned = new Uint8Array(bytes.subarray(start, start + requiredBytes));
  const view = Buffer.from(aligned.buffer);
  if (width === 2) view.swap16();
  else if (width === 4) view.swap32();
  else if (width === 8) view.swap64();
  return { type, shape, data: DTYPES[type].view(aligned.buffer, 0, sizeOf(shape)) };
}

function gunzip(file: Uint8Array, source: string): Buffer {
  try {
    return gunzipSync(file, { maxOutputLength: MAX_UNZIPPED_BYTES });
  } catch (error) {
    throw new UserError(`${source} cannot be unzipped: ${errorMessage(error)}`);
  }
}
