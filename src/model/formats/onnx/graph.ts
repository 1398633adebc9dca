import { errorMessage, UserError } from '../../../core/errors.ts';
import { type DType, readNumber, sizeOf, type Tensor } from '../../../tensor/tensor.ts';
import {
  type AttributeValue,
  type DeclaredShape,
  type Graph,
  type GraphNode,
  MAX_CONSTANT_VALUES,
  sortTopologically,
} from '../../graph/graph.ts';
import {
  type Long,
  ModelProto,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './proto.ts';
import { dtypeOf, tensorOf } from './tensor.ts';
import { inferTypes } from './type-inference.ts';

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
  /** A constant of the main graph; undefined where there is none, or its values lie in another file. */
  constant(name: string): Tensor | undefined;
}

/** TensorProto.DataLocation EXTERNAL. */
const EXTERNAL_LOCATION = 1;

/** Deepest nesting of subgraphs. */
const MAX_SUBGRAPH_DEPTH = 64;

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
      `${path} is not an ONNX model, or is cut short (${errorMessage(error)}): export or copy it again`,
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
  const tensors = new Map(constantTensors(graph));
  return {
    graph: read,
    opset: opset === undefined ? 0 : toNumber(opset.version),
    external,
    constant(name) {
      const tensor = tensors.get(name);
      return tensor === undefined ||
        tensor.dataLocation === EXTERNAL_LOCATION ||
        dtypeOf(tensor.dataType) === undefined
        ? undefined
        : tensorOf(tensor, name);
    },
  };
}

/** Weights and `Constant` nodes that hold a tensor. */
function constantTensors({ initializer, node }: OnnxGraph): [name: string, tensor: OnnxTensor][] {
  const constants = node.flatMap(({ opType, attribute, output }): [string, OnnxTensor][] => {
    const value = opType === 'Constant' ? attribute.find(({ name }) => name === 'value')?.t : undefined;
    return value ? [[output[0] ?? '', value]] : [];
  });
  return [...initializer.map((tensor): [string, OnnxTensor] => [tensor.name, tensor]), ...constants];
}

function readGraph(graph: OnnxGraph, external: ExternalTensor[], path: string, depth: number): Graph {
  if (depth > MAX_SUBGRAPH_DEPTH)
    throw new UserError(`${path} nests subgraphs deeper than ${MAX_SUBGRAPH_DEPTH}: refused`);
  const constants = new Map<string, readonly number[]>();
  const values = new Map<string, readonly number[]>();
  const types = new Map<string, DType>();
  const keep = (name: string, tensor: OnnxTensor): void => {
    const dims = tensor.dims.map(toNumber);
    constants.set(name, dims);
    const type = dtypeOf(tensor.dataType);
    if (type !== undefined) types.set(name, type);
    if (tensor.dataLocation === EXTERNAL_LOCATION) external.push(externalTensor(name, tensor));
    else if (type !== undefined && sizeOf(dims) <= MAX_CONSTANT_VALUES)
      values.set(name, numbersOf(tensor, path));
  };
  for (const tensor of graph.initializer) keep(tensor.name, tensor);
  for (const { values } of graph.sparseInitializer) if (values !== null) keep(values.name, values);
  const nodes: GraphNode[] = [];
  graph.node.forEach((node, index) => {
    const [output = ''] = node.output;
    const value =
      node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (value) keep(output, value);
    else if (node.opType === 'Constant') {
      const plain = plainConstant(node);
      constants.set(output, plain?.dims ?? []);
      if (plain === undefined) return;
      types.set(output, plain.type);
      if (plain.values.length <= MAX_CONSTANT_VALUES) values.set(output, plain.values);
    } else nodes.push(readNode(node, index, external, path, depth));
  });
  const declared = [...graph.input, ...graph.valueInfo, ...graph.output];
  for (const { name, type } of declared) {
    const own = dtypeOf(type?.tensorType?.elemType ?? 0);
    if (own !== undefined) types.set(name, own);
  }
  const ordered = sortTopologically(nodes);
  return {
    nodes: ordered,
    inputs: graph.input.map((value) => value.name).filter((name) => !constants.has(name)),
    outputs: graph.output.map((value) => value.name),
    constants,
    values,
    shapes: declaredShapes(declared),
    types: inferTypes(ordered, types),
  };
}

function numbersOf(tensor: OnnxTensor, path: string): number[] {
  const { type, shape, data } = tensorOf(tensor, `${path}: ${tensor.name || 'a constant'}`);
  return Array.from({ length: sizeOf(shape) }, (_, i) => readNumber(type, data, i));
}

/** A Constant that is written as a number or a list of them. */
function plainConstant({
  attribute,
}: OnnxNode): { readonly type: DType; readonly dims: number[]; readonly values: number[] } | undefined {
  for (const { name, f, i, floats, ints } of attribute) {
    if (name === 'value_float') return { type: 'float32', dims: [], values: [f] };
    if (name === 'value_int') return { type: 'int64', dims: [], values: [toNumber(i)] };
    if (name === 'value_floats') return { type: 'float32', dims: [floats.length], values: [...floats] };
    if (name === 'value_ints') return { type: 'int64', dims: [ints.length], values: ints.map(toNumber) };
  }
  return undefined;
}

/** AttributeProto.AttributeType numbers. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

function attributesOf({ attribute }: OnnxNode): Record<string, AttributeValue> {
  const read = attribute.flatMap((one): [string, AttributeValue][] => {
    if (one.type === ATTRIBUTE_TYPE.float) return [[one.name, one.f]];
    if (one.type === ATTRIBUTE_TYPE.int) return [[one.name, toNumber(one.i)]];
    if (one.type === ATTRIBUTE_TYPE.string) return [[one.name, Buffer.from(one.s).toString()]];
    if (one.type === ATTRIBUTE_TYPE.floats) return [[one.name, [...one.floats]]];
    if (one.type === ATTRIBUTE_TYPE.ints) return [[one.name, one.ints.map(toNumber)]];
    // Of a tensor, as ConstantOfShape has one, the type is what matters to others.
    const type = one.type === ATTRIBUTE_TYPE.tensor ? dtypeOf(one.t?.dataType ?? 0) : undefined;
    return type === undefined ? [] : [[one.name, type]];
  });
  return Object.fromEntries(read);
}

function readNode(
  node: OnnxNode,
  index: number,
  external: ExternalTensor[],
  path: string,
  depth: number,
): GraphNode {
  const inner = node.attribute.flatMap(subgraphsOf);
  const subgraphs = inner.map((graph) => readGraph(graph, external, path, depth + 1));
  return {
    name: node.name || `${node.opType}_${index}`,
    op: node.opType,
    // What a subgraph takes from outside has to be there before the node runs.
    inputs: [
      ...node.input,
      ...subgraphs.flatMap(capturedTensors).filter((name) => !node.input.includes(name)),
    ],
    outputs: node.output,
    attributes: attributesOf(node),
    ...(subgraphs.length > 0 ? { subgraphs } : {}),
  };
}

function subgraphsOf({ g, graphs }: OnnxAttribute): OnnxGraph[] {
  return g === null || g === undefined ? [...graphs] : [g, ...graphs];
}

/** Tensors that a subgraph reads and does not make itself. */
function capturedTensors({ nodes, inputs, outputs, constants }: Graph): string[] {
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
      return dimValue === undefined || dimValue === null ? null : toNumber(dimValue);
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

function toNumber(value: Long): number {
  return typeof value === 'number' ? value : value.toNumber();
}

/**
 * The same ONNX file with further nodes and outputs. Protobuf merges a message that follows another, so a second
 * ModelProto that holds only those is appended; nothing is parsed.
 */
function appendGraph(bytes: Uint8Array, graph: object): Uint8Array {
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

/** Names of the two outputs that tell of the tensor at a place. */
export function flagOutputNames(place: number): readonly [nonFinite: string, nan: string] {
  return [`neurofuzz_nonfinite_${place}`, `neurofuzz_nan_${place}`];
}

/**
 * The same ONNX file with two numbers a tensor among its outputs. The sum of what is left when the tensor is taken
 * from itself is NaN unless all of it is finite; the sum of its magnitudes is NaN only where it holds a NaN. Every
 * version of the operators has this form.
 */
export function flagOnnxTensors(bytes: Uint8Array, tensors: readonly string[]): Uint8Array {
  const output: object[] = [];
  const node: object[] = [];
  tensors.forEach((name, place) => {
    const [nonFinite, nan] = flagOutputNames(place);
    const summed = (opType: string, input: readonly string[], flag: string): void => {
      const part = `${flag}_part`;
      node.push({ opType, name: part, input, output: [part] });
      const attribute = [{ name: 'keepdims', i: 0, type: ATTRIBUTE_TYPE.int }];
      node.push({ opType: 'ReduceSum', name: flag, input: [part], output: [flag], attribute });
      output.push({ name: flag });
    };
    summed('Sub', [name, name], nonFinite);
    summed('Abs', [name], nan);
  });
  return appendGraph(bytes, { node, output });
}
