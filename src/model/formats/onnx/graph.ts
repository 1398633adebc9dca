import { UserError } from '../../../core/errors.ts';
import { type DType, readNumber, sizeOf, type Tensor } from '../../../tensor/tensor.ts';
import {
  type DeclaredShape,
  type Graph,
  type GraphNode,
  MAX_CONSTANT_VALUES,
  sortTopologically,
} from '../../graph/graph.ts';
import type { HalfArithmetic, HalfFormat } from '../../half.ts';
import { attributesOf, plainConstant } from './attributes.ts';
import { bodiesOf, roleOf } from './control-flow/bodies.ts';
import { withFlattenedBodies } from './control-flow/flatten.ts';
import { decodeOnnx } from './decode-model.ts';
import { EXTERNAL_LOCATION } from './external-data/external-tensor.ts';
import { readHalfMetadata } from './half/half-metadata.ts';
import { BFLOAT16_TYPE, bfloat16Values, halfFormatsOf } from './half/half-tensors.ts';
import {
  longToNumber,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './proto.ts';
import { analyzeStrings, type StringFlow } from './string-flow.ts';
import { dtypeOf, tensorOf } from './tensor.ts';
import { nonTensorOutputs } from './tensor-outputs.ts';
import { inferTypes } from './type-inference.ts';

export interface OnnxContent {
  readonly graph: Graph;
  /** Version of the default domain's operators; 0 if the model names none. */
  readonly opset: number;
  readonly strings: StringFlow;
  /** Formats of 16 bits that it has tensors of. */
  readonly halfFormats: ReadonlySet<HalfFormat>;
  /** Of a copy that was derived to compute in half precision: how; undefined for others. */
  readonly half: HalfArithmetic | undefined;
  /** Names of outputs that are sequences, maps or optional values. */
  readonly nonTensorOutputs: readonly string[];
  /** A constant, of bodies too; undefined if there is none, or its values lie apart. */
  constant(name: string): Tensor | undefined;
}

/** Limit on nested subgraphs. */
const MAX_SUBGRAPH_DEPTH = 64;

/**
 * Reads the graph of an ONNX file. Weights are not copied.
 *
 * @throws UserError if the bytes are not an ONNX model, or are truncated
 */
export function readOnnx(bytes: Uint8Array, path: string): OnnxContent {
  const model = decodeOnnx(bytes, path);
  const { graph } = model;
  if (graph === null || graph === undefined || graph.output.length === 0) {
    throw new UserError(`${path} is not an ONNX model: it has no graph; name an .onnx file or a model.json`);
  }
  const imported = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  const opset = imported === undefined ? 0 : longToNumber(imported.version);
  const read = readGraph(graph, path, 0);
  const tensors = new Map(constantTensors(graph));
  const functionCalls = countFunctionCalls(graph, model);
  const flattened = withFlattenedBodies(read, opset);
  return {
    graph:
      functionCalls === 0
        ? flattened
        : { ...flattened, hiddenBodies: functionCalls + (flattened.hiddenBodies ?? 0) },
    opset,
    strings: analyzeStrings(graph),
    halfFormats: halfFormatsOf(graph),
    half: readHalfMetadata(model.metadataProps),
    nonTensorOutputs: nonTensorOutputs(graph),
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

/** Number of operations that run a function of the model's own, whose operations are not seen. */
function countFunctionCalls({ node }: OnnxGraph, model: Pick<OnnxModel, 'functions'>): number {
  const isCall = ({ opType, domain }: OnnxNode): boolean =>
    model.functions.some((candidate) => candidate.name === opType && candidate.domain === domain);
  return node.reduce(
    (sum, inner) =>
      bodiesOf(inner).reduce(
        (calls, { graph }) => calls + countFunctionCalls(graph, model),
        sum + (isCall(inner) ? 1 : 0),
      ),
    0,
  );
}

/** Initializers, and `Constant` nodes that hold a tensor; those of the main graph last, since they win over others. */
function constantTensors({ initializer, node }: OnnxGraph): [name: string, tensor: OnnxTensor][] {
  const inner = node.flatMap(bodiesOf).flatMap(({ graph }) => constantTensors(graph));
  const constants = node.flatMap(({ opType, attribute, output }): [string, OnnxTensor][] => {
    const value = opType === 'Constant' ? attribute.find(({ name }) => name === 'value')?.t : undefined;
    return value ? [[output[0] ?? '', value]] : [];
  });
  return [
    ...inner,
    ...initializer.map((tensor): [string, OnnxTensor] => [tensor.name, tensor]),
    ...constants,
  ];
}

function readGraph(graph: OnnxGraph, path: string, depth: number): Graph {
  if (depth > MAX_SUBGRAPH_DEPTH)
    throw new UserError(`${path} nests subgraphs deeper than ${MAX_SUBGRAPH_DEPTH}: refused`);
  const constants = new Map<string, readonly number[]>();
  const values = new Map<string, readonly number[]>();
  const types = new Map<string, DType>();
  const keep = (name: string, tensor: OnnxTensor): void => {
    const dims = tensor.dims.map(longToNumber);
    constants.set(name, dims);
    const type = dtypeOf(tensor.dataType);
    if (type !== undefined) types.set(name, type);
    if (tensor.dataLocation === EXTERNAL_LOCATION || sizeOf(dims) > MAX_CONSTANT_VALUES) return;
    if (type !== undefined) values.set(name, numbersOf(tensor, path));
    else if (tensor.dataType === BFLOAT16_TYPE) values.set(name, bfloat16Values(tensor));
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
    } else nodes.push(readNode(node, index, path, depth));
  });
  const declared = [...graph.input, ...graph.valueInfo, ...graph.output];
  for (const { name, type } of declared) {
    const dtype = dtypeOf(type?.tensorType?.elemType ?? 0);
    if (dtype !== undefined) types.set(name, dtype);
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

function readNode(node: OnnxNode, index: number, path: string, depth: number): GraphNode {
  const subgraphs = bodiesOf(node).map(({ attribute, graph }) => ({
    ...readGraph(graph, path, depth + 1),
    role: roleOf(attribute),
  }));
  return {
    name: node.name || `${node.opType}_${index}`,
    op: node.opType,
    ...(node.domain === '' || node.domain === 'ai.onnx' ? {} : { domain: node.domain }),
    // Tensors that a subgraph captures are inputs, since they have to be computed before the node runs.
    inputs: [
      ...node.input,
      ...subgraphs.flatMap(capturedTensors).filter((name) => !node.input.includes(name)),
    ],
    outputs: node.output,
    attributes: attributesOf(node),
    ...(subgraphs.length > 0 ? { subgraphs } : {}),
  };
}

/** Tensors of the outer graph that a subgraph reads. */
function capturedTensors({ nodes, inputs, outputs, constants }: Graph): string[] {
  const defined = new Set([...inputs, ...constants.keys(), ...nodes.flatMap((node) => node.outputs)]);
  const read = [...nodes.flatMap((node) => node.inputs), ...outputs];
  return [...new Set(read)].filter((name) => name !== '' && !defined.has(name));
}

function declaredShapes(values: readonly OnnxValue[]): Map<string, DeclaredShape> {
  const shapes = new Map<string, DeclaredShape>();
  for (const { name, type } of values) {
    const shape = type?.tensorType?.shape;
    if (!shape) continue;
    const dims = shape.dim.map(({ dimValue, dimParam }) => {
      if (dimParam) return dimParam;
      return dimValue === undefined || dimValue === null ? null : longToNumber(dimValue);
    });
    // Exporters write 0 for unknown dimensions; empty tensors do not occur otherwise.
    if (!dims.includes(0)) shapes.set(name, dims);
  }
  return shapes;
}
