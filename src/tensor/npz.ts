import { crc32 } from 'node:zlib';
import { deflateSync, Zip, ZipDeflate, type ZipInputFile, zipSync } from 'fflate';
import { UserError } from '../core/errors.ts';
import { maxUnpackedBytes } from '../core/read-bounded.ts';
import { decodeNpy, encodeNpy, encodeNpyParts } from './npy.ts';
import type { Tensor } from './tensor.ts';
import { unzip } from './unzip.ts';

/** Limit on the unpacked size of any .npz. */
const MAX_UNPACKED_BYTES = 2 ** 31;

/** Fixed entry time, the earliest that zip can hold, so that equal arrays give equal bytes. */
const EARLIEST_ZIP_TIME = new Date(1980, 0, 1);

/**
 * Decodes an .npz archive into its arrays by name.
 *
 * @param maxBytes largest unpacked size, checked before memory is taken: an archive may be a stranger's
 * @throws UserError if it is not a zip archive, is damaged, unpacks to more, names an array twice, or holds a damaged .npy file
 */
export function decodeNpz(
  bytes: Uint8Array,
  source: string,
  maxBytes = maxUnpackedBytes(bytes.length),
): Map<string, Tensor> {
  let files: Map<string, Uint8Array>;
  try {
    files = unzip(bytes, source, Math.min(MAX_UNPACKED_BYTES, maxBytes), (name) => name.endsWith('.npy'));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${source} is not an .npz archive, or is damaged: write it with numpy.savez`);
  }
  const arrays = new Map<string, Tensor>();
  for (const [file, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = file.slice(0, -'.npy'.length);
    arrays.set(name, decodeNpy(content, `${source}, array ${name}`));
  }
  return arrays;
}

/** Bytes from which on an array is deflated if that pays; smaller ones are stored, which is faster. */
const MIN_DEFLATED_BYTES = 1 << 20;

/** Bytes from which on an array is not copied into the archive: a small one is, in one piece. */
const MIN_STREAMED_BYTES = 1 << 18;

/** Samples from all over an array that are deflated to see whether that pays: noise does not get smaller, a box in it does. */
const SAMPLES = 8;
const SAMPLE_BYTES = 1 << 12;
const MAX_DEFLATED_SHARE = 0.5;

/** How an array is deflated: 0 where it is stored. */
function zipLevel(values: Uint8Array): 0 | 1 {
  if (values.length < MIN_DEFLATED_BYTES) return 0;
  let deflated = 0;
  for (let n = 0; n < SAMPLES; n++) {
    const from = Math.floor((n * (values.length - SAMPLE_BYTES)) / (SAMPLES - 1));
    deflated += deflateSync(values.subarray(from, from + SAMPLE_BYTES), { level: 1 }).length;
  }
  return deflated < MAX_DEFLATED_SHARE * SAMPLES * SAMPLE_BYTES ? 1 : 0;
}

/** Encodes arrays as an .npz, large ones deflated where that makes them smaller; equal arrays give equal bytes. */
export function encodeNpz(arrays: Iterable<readonly [name: string, tensor: Tensor]>): Uint8Array {
  const parts = encodeNpzParts(arrays);
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

/** The parts of `encodeNpz`, in which the values of large arrays are not copied. */
export function encodeNpzParts(
  arrays: Iterable<readonly [name: string, tensor: Tensor]>,
): readonly Uint8Array[] {
  const sorted = [...arrays].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const isLarge = sorted.some(([, { data }]) => data.byteLength >= MIN_STREAMED_BYTES);
  return isLarge ? zipLargeArrays(sorted) : [zipSmallArrays(sorted)];
}

function zipSmallArrays(arrays: readonly (readonly [name: string, tensor: Tensor])[]): Uint8Array {
  const files = arrays.map(([name, tensor]) => [`${name}.npy`, encodeNpy(tensor)] as const);
  return zipSync(Object.fromEntries(files), { level: 0, mtime: EARLIEST_ZIP_TIME });
}

/** Streams the arrays through the zip writer, which hands on the pieces of one that is stored as they are. */
function zipLargeArrays(arrays: readonly (readonly [name: string, tensor: Tensor])[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const zip = new Zip((error, part) => {
    if (error !== null) throw error;
    parts.push(part);
  });
  for (const [name, tensor] of arrays) {
    const [header, values] = encodeNpyParts(tensor);
    const file = zipLevel(values) === 0 ? new StoredFile(`${name}.npy`) : new DeflatedFile(`${name}.npy`);
    zip.add(file as ZipInputFile);
    file.push(header as Uint8Array<ArrayBuffer>, false);
    file.push(values as Uint8Array<ArrayBuffer>, true);
  }
  zip.end();
  return parts;
}

class DeflatedFile extends ZipDeflate {
  constructor(name: string) {
    super(name, { level: 1 });
    this.mtime = EARLIEST_ZIP_TIME;
  }
}

/** A file that is stored, with its checksum by zlib: a tenth of what one in JavaScript takes. */
class StoredFile implements ZipInputFile {
  readonly filename: string;
  readonly compression = 0;
  mtime = EARLIEST_ZIP_TIME;
  /** Set by the zip writer. */
  ondata?: NonNullable<ZipInputFile['ondata']>;
  size = 0;
  crc = 0;

  constructor(name: string) {
    this.filename = name;
  }

  push(chunk: Uint8Array<ArrayBuffer>, isLast: boolean): void {
    this.size += chunk.length;
    this.crc = crc32(chunk, this.crc);
    this.ondata?.(null, chunk, isLast);
  }
}
