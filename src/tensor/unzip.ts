import { crc32, inflateRawSync } from 'node:zlib';
import { UserError } from '../core/errors.ts';

/** Signatures and lengths of the records of a zip archive (APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16). */
const LOCAL_HEADER = { signature: 0x04034b50, bytes: 30 };
const CENTRAL_HEADER = { signature: 0x02014b50, bytes: 46 };
const END_RECORD = { signature: 0x06054b50, bytes: 22 };
const MAX_COMMENT_BYTES = 0xffff;

const [STORED, DEFLATED] = [0, 8];

/** A file of an archive, as the central directory has it. */
interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly headerAt: number;
}

/**
 * Unpacks the files of a zip archive that a filter takes. The archive may be a stranger's: what its files come to is summed
 * before memory is taken, none unpacks to more than it says, and checksums are verified; fflate does neither.
 *
 * @param maxBytes largest size of all files together, unpacked
 * @throws UserError if they are larger, or a name stands twice; RangeError or another error if the archive is damaged
 */
export function unzip(
  bytes: Uint8Array,
  source: string,
  maxBytes: number,
  takes: (name: string) => boolean,
): Map<string, Uint8Array> {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const files = new Map<string, Uint8Array>();
  let total = 0;
  for (const entry of centralDirectory(archive)) {
    if (!takes(entry.name)) continue;
    total += entry.bytes;
    if (total > maxBytes)
      throw new UserError(
        `${source} unpacks to more than ${Math.round(maxBytes / 1e6)} MB: split it, or save it unpacked`,
      );
    if (files.has(entry.name)) throw new UserError(`${source} holds ${entry.name} twice: save it again`);
    files.set(entry.name, unpack(archive, entry));
  }
  return files;
}

function* centralDirectory(archive: Buffer): Generator<ZipEntry> {
  const end = findEndRecord(archive);
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let i = 0; i < count; i++) {
    if (archive.readUInt32LE(at) !== CENTRAL_HEADER.signature) throw new Error('no central directory');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      archive.readUInt16LE(at + field),
    );
    const nameAt = at + CENTRAL_HEADER.bytes;
    if (nameAt + nameBytes > archive.length) throw new Error('cut short');
    yield {
      name: archive.toString('utf8', nameAt, nameAt + nameBytes),
      method: archive.readUInt16LE(at + 10),
      isEncrypted: (archive.readUInt16LE(at + 8) & 1) === 1,
      crc: archive.readUInt32LE(at + 16),
      packedBytes: archive.readUInt32LE(at + 20),
      bytes: archive.readUInt32LE(at + 24),
      headerAt: archive.readUInt32LE(at + 42),
    };
    at = nameAt + nameBytes + extraBytes + commentBytes;
  }
}

function findEndRecord(archive: Buffer): number {
  const first = Math.max(0, archive.length - END_RECORD.bytes - MAX_COMMENT_BYTES);
  for (let at = archive.length - END_RECORD.bytes; at >= first; at--)
    if (archive.readUInt32LE(at) === END_RECORD.signature) return at;
  throw new Error('no end of a central directory');
}

function unpack(
  archive: Buffer,
  { method, isEncrypted, crc, packedBytes, bytes, headerAt }: ZipEntry,
): Uint8Array {
  if (archive.readUInt32LE(headerAt) !== LOCAL_HEADER.signature) throw new Error('no file header');
  // The name and the extra field may be of other lengths here than in the central directory.
  const lengths = archive.readUInt16LE(headerAt + 26) + archive.readUInt16LE(headerAt + 28);
  const from = headerAt + LOCAL_HEADER.bytes + lengths;
  const packed = archive.subarray(from, from + packedBytes);
  if (packed.length < packedBytes || isEncrypted || (method !== STORED && method !== DEFLATED))
    throw new Error('truncated, encrypted or in an unsupported format');
  const unpacked =
    method === STORED ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes) });
  if (unpacked.length !== bytes || crc32(unpacked) !== crc) throw new Error('the checksum does not match');
  return unpacked;
}
