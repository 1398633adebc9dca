import type protobuf from 'protobufjs';

/**
 * Decodes a protobuf message.
 *
 * @typeParam T the message's fields, which the schema of `codec` vouches for
 * @throws Error if the bytes are not such a message
 */
export function decodeMessage<T extends object>(codec: protobuf.Type, bytes: Uint8Array): T {
  const message: object = codec.decode(bytes);
  return message as T;
}
