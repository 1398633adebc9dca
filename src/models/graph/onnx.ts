import { reason, UserError } from '../../errors.ts';
import { type DeclaredShape, type Graph, type GraphNode, topological } from './graph.ts';
import {
  type Long,
  ModelProto,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './onnx-proto.ts';

/** A stretch of another file that holds a tensor's values. */
export interface ExternalTensor {
  readonly tensor: string;
  /** As the model names the file: a path relative to its own folder. */
  readonly location: string;
  readonly offset: number;
  /** Undefined for all that follows. */
  readonly length: number | undefined;
}

export interface OnnxContent {
  readonly graph: Graph;
  /** Version of the operators of the default domain; 0 where the model names none. */
  readonly opset: number;
  readonly external: readonly ExternalTensor[];
}

/** TensorProto.DataLocation EXTERNAL. */
const EXTERNAL = 1;

/** Deepest nesting of subgraphs. */
const DEEPEST = 64;

/**
 * Reads the graph of an ONNX file. Weights are not copied.
 *
 * @throws UserError where the bytes are no ONNX model or are cut short
 */
export function readOnnx(bytes: Uint8Array, path: string): OnnxContent {
  let model: OnnxModel;
  try {
    model = ModelProto.decode(bytes) as unknown as OnnxModel;
  } catch (error) {
    throw new UserError(
      `${path} is not an ONNX model, or is cut short (${reason(error)}): export or copy it again`,
    );
  }
  const { graph } = model;
  if (graph === null || graph === undefined || graph.output.length === 0) {
    throw new UserError(
      `${path} is not an ONNX model: it holds no graph; name an .onnx file or a model.json`,
    );
  }
  const external: ExternalTensor[] = [];
  const read = readGraph(graph, external, path, 0);
  const opset = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return { graph: read, opset: opset === undefined ? 0 : number(opset.version), external };
}

function readGraph(graph: OnnxGraph, external: ExternalTensor[], path: string, depth: number): Graph {
  if (depth > DEEPEST) throw new UserError(`${path} nests subgraphs deeper than ${DEEPEST}: refused`);
  const constants = new Map<string, readonly number[]>();
  const keep = (name: string, tensor: OnnxTensor): void => {
    constants.set(name, tensor.dims.map(number));
    if (tensor.dataLocation === EXTERNAL) external.push(externalTensor(name, tensor));
  };
  for (const tensor of graph.initializer) keep(tensor.name, tensor);
  for (const { values } of graph.sparseInitializer) if (values !== null) keep(values.name, values);
  const nodes: GraphNode[] = [];
  graph.node.forEach((node, index) => {
    const value =
      node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (value) keep(node.output[0] ?? '', value);
    else if (node.opType === 'Constant') constants.set(node.output[0] ?? '', []);
    else nodes.push(readNode(node, index, external, path, depth));
  });
  return {
    nodes: topological(nodes),
    inputs: graph.input.map((value) => value.name).filter((name) => !constants.has(name)),
    outputs: graph.output.map((value) => value.name),
    constants,
    shapes: declaredShapes([...graph.input, ...graph.valueInfo, ...graph.output]),
  };
}

function readNode(
  node: OnnxNode,
  index: number,
  external: ExternalTensor[],
  path: string,
  depth: number,
): GraphNode {
  const inner = node.attribute.flatMap(graphsOf);
  const subgraphs = inner.map((graph) => readGraph(graph, external, path, depth + 1));
  return {
    name: node.name || `${node.opType}_${index}`,
    op: node.opType,
    // What a subgraph takes from outside has to be there before the node runs.
    inputs: [...node.input, ...subgraphs.flatMap(taken).filter((name) => !node.input.includes(name))],
    outputs: node.output,
    ...(subgraphs.length > 0 ? { subgraphs } : {}),
  };
}

function graphsOf({ g, graphs }: OnnxAttribute): OnnxGraph[] {
  return g === null || g === undefined ? [...graphs] : [g, ...graphs];
}

/** Tensors that a subgraph reads and does not make itself. */
function taken({ nodes, inputs, outputs, constants }: Graph): string[] {
  const own = new Set([...inputs, ...constants.keys(), ...nodes.flatMap((node) => node.outputs)]);
  const read = [...nodes.flatMap((node) => node.inputs), ...outputs];
  return [...new Set(read)].filter((name) => name !== '' && !own.has(name));
}

function declaredShapes(values: readonly OnnxValue[]): Map<string, DeclaredShape> {
  const shapes = new Map<string, DeclaredShape>();
  for (const { name, type } of values) {
    const shape = type?.tensorType?.shape;
    if (!shape) continue;
    const dims = shape.dim.map(({ dimValue, dimParam }) => {
      if (dimParam) return dimParam;
      return dimValue === undefined || dimValue === null ? null : number(dimValue);
    });
    // Exporters write zeros where they do not know: no tensor worth a look is empty.
    if (!dims.includes(0)) shapes.set(name, dims);
  }
  return shapes;
}

function externalTensor(tensor: string, { externalData }: OnnxTensor): ExternalTensor {
  const value = (wanted: string): string | undefined => externalData.find(({ key }) => key === wanted)?.value;
  const length = value('length');
  return {
    tensor,
    location: value('location') ?? '',
    offset: Number(value('offset') ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
}

function number(value: Long): number {
  return typeof value === 'number' ? value : value.toNumber();
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
