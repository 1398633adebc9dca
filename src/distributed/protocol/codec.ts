import { Packr } from 'msgpackr';
import { UserError } from '../../core/errors.ts';

/** Bytes of any message. */
export const MAX_MESSAGE_BYTES = 256 << 20;

/** Typed arrays, maps and sets pass as they are; nothing that is read is run. */
const packr = new Packr({ moreTypes: true, useRecords: true, encodeUndefinedAsNil: false });

export function packMessage(value: unknown): Buffer {
  return packr.pack(value);
}

/** @throws UserError where it is too large, or no message */
export function unpackMessage(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_MESSAGE_BYTES)
    throw new UserError(`a message of ${bytes.length} bytes is too large`);
  try {
    return packr.unpack(bytes);
  } catch {
    throw new UserError('a message is damaged');
  }
}
