import { UserError } from '../../errors.ts';
import { type Graph, type GraphNode, topological } from './graph.ts';
import { ModelProto, type OnnxModel } from './onnx-proto.ts';

/**
 * Reads the graph of an ONNX file. Weights are not copied.
 *
 * @throws UserError where the bytes are no ONNX model, are cut short, or keep weights in other files.
 */
export function readOnnxGraph(bytes: Uint8Array, path: string): Graph {
  let model: OnnxModel;
  try {
    model = ModelProto.decode(bytes) as unknown as OnnxModel;
  } catch {
    throw new UserError(`${path} is not an ONNX model, or is cut short: export or copy it again`);
  }
  const graph = model.graph;
  if (graph === null || graph === undefined || model.opsetImport.length === 0 || graph.output.length === 0) {
    throw new UserError(
      `${path} is not an ONNX model: it holds no graph; name an .onnx file or a model.json`,
    );
  }
  const external = graph.initializer.find((tensor) => tensor.dataLocation === 1);
  if (external !== undefined) {
    throw new UserError(
      `${path} keeps its weights in other files (${external.name}): save it as one file with onnx.save(model, path)`,
    );
  }
  const constants = new Set(graph.initializer.map((tensor) => tensor.name));
  const nodes = graph.node.map(
    (node, index): GraphNode => ({
      name: node.name || `${node.opType}_${index}`,
      op: node.opType,
      inputs: node.input,
      outputs: node.output,
    }),
  );
  return {
    nodes: topological(nodes),
    inputs: graph.input.map((value) => value.name).filter((name) => !constants.has(name)),
    outputs: graph.output.map((value) => value.name),
    constants,
  };
}

/**
 * The same ONNX file with further tensors among its outputs. Protobuf merges a message that follows
 * another, so a second ModelProto that holds only `graph.output` entries is appended; nothing is parsed.
 */
export function exposeOnnxTensors(bytes: Uint8Array, tensors: readonly string[]): Uint8Array {
  if (tensors.length === 0) return bytes;
  const extra = ModelProto.encode(
    ModelProto.create({ graph: { output: tensors.map((name) => ({ name })) } }),
  ).finish();
  const joined = new Uint8Array(bytes.length + extra.length);
  joined.set(bytes);
  joined.set(extra, bytes.length);
  return joined;
}
