import { Packr } from 'msgpackr';
import { UserError } from '../../core/errors.ts';

/** Maximum size of a message in bytes. */
export const MAX_MESSAGE_BYTES = 256 << 20;

/** Keeps typed arrays, maps and sets. Decoding executes no code from the message. */
const packr = new Packr({ moreTypes: true, useRecords: true, encodeUndefinedAsNil: false });

/** Encodes a message as MessagePack. */
export function packMessage(value: unknown): Buffer {
  return packr.pack(value);
}

/** Decodes a message. @throws UserError if it is too large or malformed */
export function unpackMessage(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_MESSAGE_BYTES)
    throw new UserError(`a message of ${bytes.length} bytes is too large`);
  try {
    return packr.unpack(bytes);
  } catch {
    throw new UserError('a message is damaged');
  }
}
