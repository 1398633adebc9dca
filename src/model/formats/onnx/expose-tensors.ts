import { ModelProto } from './proto.ts';

/**
 * The same ONNX file with further nodes and outputs. Protobuf merges a message that follows another, so a second
 * ModelProto that holds only those is appended; nothing is parsed.
 */
export function appendGraph(bytes: Uint8Array, graph: object): Uint8Array {
  const extra = ModelProto.encode(ModelProto.fromObject({ graph })).finish();
  const joined = new Uint8Array(bytes.length + extra.length);
  joined.set(bytes);
  joined.set(extra, bytes.length);
  return joined;
}

/** The same ONNX file with further tensors among its outputs. */
export function exposeOnnxTensors(bytes: Uint8Array, tensors: readonly string[]): Uint8Array {
  return tensors.length === 0 ? bytes : appendGraph(bytes, { output: tensors.map((name) => ({ name })) });
}
