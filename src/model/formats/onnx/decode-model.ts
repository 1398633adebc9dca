import { errorMessage, UserError } from '../../../core/errors.ts';
import { decodeMessage } from '../decode-message.ts';
import { ModelProto, type OnnxModel } from './proto.ts';

/**
 * Decodes an ONNX file. Fields that the schema lacks are dropped.
 *
 * @throws UserError if the bytes are not an ONNX model, or are truncated
 */
export function decodeOnnx(bytes: Uint8Array, path: string): OnnxModel {
  try {
    return decodeMessage<OnnxModel>(ModelProto, bytes);
  } catch (error) {
    throw new UserError(
      `${path} is not an ONNX model, or is truncated (${errorMessage(error)}): export or copy it again`,
    );
  }
}
