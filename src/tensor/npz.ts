import { deflateSync, unzipSync, type ZipOptions, type Zippable, zipSync } from 'fflate';
import { UserError } from '../core/errors.ts';
import { decodeNpy, encodeNpy } from './npy.ts';
import type { Tensor } from './tensor.ts';

/** Limit on the unpacked size of one .npz, since seed files are untrusted. */
const MAX_UNPACKED_BYTES = 2 ** 31;

/** Fixed entry time, the earliest that zip can hold, so that equal arrays give equal bytes. */
const EARLIEST_ZIP_TIME = new Date(1980, 0, 1);

/**
 * Decodes an .npz archive into its arrays by name.
 *
 * @throws UserError if it is not a zip archive, is damaged, unpacks to more than 2 GiB, or holds a damaged .npy file
 */
export function decodeNpz(bytes: Uint8Array, source: string): Map<string, Tensor> {
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: (file) => {
        total += file.originalSize;
        if (total > MAX_UNPACKED_BYTES) throw new UserError(`${source} unfolds to more than 2 GiB: split it`);
        return file.name.endsWith('.npy');
      },
    });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${source} is not an .npz archive, or is damaged: write it with numpy.savez`);
  }
  const arrays = new Map<string, Tensor>();
  for (const name of Object.keys(files).sort()) {
    arrays.set(
      name.slice(0, -'.npy'.length),
      decodeNpy(files[name], `${source}, array ${name.slice(0, -4)}`),
    );
  }
  return arrays;
}

/** Bytes from which on an array is deflated if that pays; smaller ones are stored, which is faster. */
const MIN_DEFLATED_BYTES = 1 << 20;

/** Samples from all over an array that are deflated to see whether that pays: noise does not get smaller, a box in it does. */
const SAMPLES = 8;
const SAMPLE_BYTES = 1 << 12;
const MAX_DEFLATED_SHARE = 0.5;

function zipLevel(file: Uint8Array): NonNullable<ZipOptions['level']> {
  if (file.length < MIN_DEFLATED_BYTES) return 0;
  let deflated = 0;
  for (let n = 0; n < SAMPLES; n++) {
    const from = Math.floor((n * (file.length - SAMPLE_BYTES)) / (SAMPLES - 1));
    deflated += deflateSync(file.subarray(from, from + SAMPLE_BYTES), { level: 1 }).length;
  }
  return deflated < MAX_DEFLATED_SHARE * SAMPLES * SAMPLE_BYTES ? 1 : 0;
}

/** Encodes arrays as an .npz, large ones deflated where that makes them smaller; equal arrays give equal bytes. */
export function encodeNpz(arrays: Iterable<readonly [name: string, tensor: Tensor]>): Uint8Array {
  const files: Zippable = {};
  for (const [name, tensor] of [...arrays].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const file = encodeNpy(tensor);
    files[`${name}.npy`] = [file, { level: zipLevel(file) }];
  }
  return zipSync(files, { mtime: EARLIEST_ZIP_TIME });
}
