import { isUtf8 } from 'node:buffer';

/** Decodes UTF-8 text; undefined if the bytes are not valid UTF-8. A byte order mark at the start is dropped. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? new TextDecoder('utf-8').decode(bytes) : undefined;
}
