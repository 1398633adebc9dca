import { constants, gunzipSync } from 'node:zlib';
import { errorMessage, UserError } from '../../core/errors.ts';
import { maxUnpackedBytes } from '../../core/read-bounded.ts';
import { DTYPES, type DType, shapeText, sizeOf, type Tensor } from '../../tensor/tensor.ts';

/** Bytes of the longest header: 255 dimensions. */
const MAX_HEADER_BYTES = 4 + 4 * 255;

/** Bytes of a packed file that surely hold a header; they unpack to a few MB at most. */
const MAX_PACKED_HEAD_BYTES = 4096;

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
  const isPacked = file[0] === 0x1f && file[1] === 0x8b;
  const { type, shape, start } = readHeader(isPacked ? gunzipHead(file, source) : Buffer.from(file), source);
  const width = DTYPES[type].bytes;
  const end = start + sizeOf(shape) * width;
  // The header tells how large the values are, before memory is taken for them.
  if (isPacked && !(end <= maxUnpackedBytes(file.length)))
    throw new UserError(
      `${source} unpacks to ${end} bytes by its shape, far more than its file size: unpack the file first`,
    );
  const bytes = isPacked ? gunzip(file, end, source) : file;
  if (bytes.length < end) {
    throw new UserError(
      `${source} is truncated: ${bytes.length - start} bytes of values where its shape needs ${end - start}`,
    );
  }
  // A copy in a buffer of its own, since typed arrays require aligned offsets.
  const aligned = new Uint8Array(bytes.subarray(start, end));
  const view = Buffer.from(aligned.buffer);
  if (width === 2) view.swap16();
  else if (width === 4) view.swap32();
  else if (width === 8) view.swap64();
  return { type, shape, data: DTYPES[type].view(aligned.buffer, 0, sizeOf(shape)) };
}

/** @throws UserError if it is none, or has rows without values */
function readHeader(bytes: Buffer, source: string) {
  const type = IDX_TYPES[bytes[2]];
  const rank = bytes[3];
  const start = 4 + 4 * rank;
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || type === undefined || bytes.length < start)
    throw new UserError(`${source} is not an IDX file`);
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  if (shape.includes(0)) throw new UserError(`${source} holds no values: its shape is ${shapeText(shape)}`);
  return { type, shape, start };
}

/** The first bytes of a packed file: as many as a header may have, whether or not the rest is sound. */
function gunzipHead(file: Uint8Array, source: string): Buffer {
  const packed = file.subarray(0, MAX_PACKED_HEAD_BYTES);
  const head = unpack(source, () => gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }));
  if (head.length < 4) throw new UserError(`${source} cannot be unzipped: it is truncated`);
  return head.subarray(0, MAX_HEADER_BYTES);
}

/** @param end bytes that are needed of what it unpacks to; more are an error */
function gunzip(file: Uint8Array, end: number, source: string): Buffer {
  return unpack(source, () => gunzipSync(file, { maxOutputLength: end }), end);
}

function unpack(source: string, run: () => Buffer, end?: number): Buffer {
  try {
    return run();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new UserError(`${source} unpacks to more than the ${end} bytes that its shape needs`);
    throw new UserError(`${source} cannot be unzipped: ${errorMessage(error)}`);
  }
}
