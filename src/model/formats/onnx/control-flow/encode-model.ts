import { ModelProto, type OnnxModel } from '../proto.ts';

/** The bytes of a changed model. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return ModelProto.encode(model as Parameters<typeof ModelProto.encode>[0]).finish();
}
