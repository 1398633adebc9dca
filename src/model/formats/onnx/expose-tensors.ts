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

/**
 * The same ONNX file with further tensors among its outputs.
 *
 * @param fusedAway those of them that get a second reader: ONNX Runtime 1.30 fuses a Gelu written out with Pow although the
 *   power is an output, which then has no producer, and the run ends the process
 */
export function exposeOnnxTensors(
  bytes: Uint8Array,
  tensors: readonly string[],
  fusedAway: readonly string[] = [],
): Uint8Array {
  if (tensors.length === 0) return bytes;
  const readers = fusedAway.map((name, i) => {
    const output = `neurofuzz_reader_${i}`;
    return { opType: 'Identity', name: output, input: [name], output: [output] };
  });
  const output = [...tensors, ...readers.map(({ name }) => name)].map((name) => ({ name }));
  return appendGraph(bytes, { node: readers, output });
}
