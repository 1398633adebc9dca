import { crc32 } from 'node:zlib';

/** CRC-32 of bytes, of the UTF-8 of a text, or of several parts in a row, as eight hex digits. */
export function crc32Hex(content: string | Uint8Array | readonly Uint8Array[]): string {
  const value =
    typeof content === 'string' || content instanceof Uint8Array
      ? crc32(content)
      : content.reduce((sum, part) => crc32(part, sum), 0);
  return value.toString(16).padStart(8, '0');
}

/** The end of a text that `withChecksum` returned. */
const CHECKSUM_AT_END = /,\s*"crc32":\s*"([^"]*)"\s*\}\s*$/;

/** Length of the text's end in which the checksum is. */
const END_LENGTH = 64;

/** Adds a last key `crc32` to the JSON of an object that has other keys: the checksum of the text before it. */
export function withChecksum(json: string): string {
  const end = json.lastIndexOf('}');
  const head = json.slice(0, end).trimEnd();
  const isIndented = head.length < end;
  const checksum = crc32Hex(head);
  return isIndented
    ? `${head},\n  "crc32": "${checksum}"${json.slice(head.length)}`
    : `${head},"crc32":"${checksum}"${json.slice(end)}`;
}

/** Whether a text is as `withChecksum` returned it. Files of older versions have no checksum: `absent`. */
export function verifyChecksum(json: string): 'intact' | 'damaged' | 'absent' {
  const found = CHECKSUM_AT_END.exec(json.slice(-END_LENGTH));
  if (found === null) return 'absent';
  const head = json.slice(0, Math.max(0, json.length - END_LENGTH) + found.index);
  return crc32Hex(head) === found[1] ? 'intact' : 'damaged';
}
