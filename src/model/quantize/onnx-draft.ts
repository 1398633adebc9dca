import { UserError } from '../../core/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { decodeMessage } from '../formats/decode-message.ts';
import { readOnnx } from '../formats/onnx/graph.ts';
import {
  ATTRIBUTE_TYPE,
  type KeyValue,
  type Long,
  ModelProto,
  type OnnxTensor,
} from '../formats/onnx/proto.ts';
import { tensorOf } from '../formats/onnx/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import { findQuantization } from './find-quantization.ts';
import { upgradeOnnx } from './upgrade-opset.ts';

export interface DraftNode {
  input: string[];
  output: string[];
  readonly name: string;
  readonly opType: string;
  readonly attribute: readonly DraftAttribute[];
}

interface DraftAttribute {
  readonly name: string;
  readonly type: number;
  readonly i?: Long;
  readonly t?: DraftWeight | null;
  readonly g?: DraftGraph | null;
  readonly graphs?: readonly DraftGraph[];
}

/** A weight of the original file. */
export type DraftWeight = { -readonly [K in keyof OnnxTensor]: OnnxTensor[K] };

/** A constant that is added. */
export type DraftConstant = Pick<OnnxTensor, 'name' | 'dims' | 'dataType' | 'rawData'>;

/** The fields of a decoded GraphProto that change. */
export interface DraftGraph {
  node: DraftNode[];
  initializer: DraftConstant[];
  input: { readonly name: string }[];
  readonly output: readonly { readonly name: string }[];
  valueInfo: { readonly name: string }[];
}

/** The decoded file as it is read, before constants are added. */
interface DecodedModel {
  readonly graph: Omit<DraftGraph, 'initializer'> & { initializer: DraftWeight[] };
}

/** A decoded ONNX file that is being turned into a quantized copy. */
export interface OnnxDraft {
  readonly path: string;
  readonly model: object;
  readonly graph: DraftGraph;
  /** The graph before any change. */
  readonly originalGraph: Graph;
  readonly weights: ReadonlyMap<string, DraftWeight>;
}

/**
 * Decodes an ONNX file for quantization and upgrades it to the operators of version 13, from which on Cast takes bfloat16
 * and QuantizeLinear an axis. Constant nodes of tensors become weights.
 *
 * @throws UserError if the model is quantized already, or its operators are too old to upgrade
 */
export function openOnnxDraft(bytes: Uint8Array, path: string): OnnxDraft {
  const original = readOnnx(bytes, path);
  const evidence = findQuantization(original.graph);
  if (evidence !== undefined) {
    throw new UserError(`${path} is already quantized (${evidence}): name the original model`);
  }
  const upgraded = upgradeOnnx(bytes, original, path);
  const content = upgraded === bytes ? original : readOnnx(upgraded, path);
  const model = decodeMessage<DecodedModel>(ModelProto, upgraded);
  const { graph } = model;
  const constants = new Set<DraftNode>();
  for (const node of graph.node) {
    const tensor =
      node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (!tensor) continue;
    graph.initializer.push(Object.assign(tensor, { name: node.output[0] }));
    constants.add(node);
  }
  graph.node = graph.node.filter((node) => !constants.has(node));
  const weights = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  return { path, model, graph, originalGraph: content.graph, weights };
}

/** @param metadata that is added to the file's */
export function encodeOnnxDraft({ model, graph }: OnnxDraft, metadata: readonly KeyValue[] = []): Uint8Array {
  // Declared shapes and types of inner tensors may no longer hold; the runtime infers them.
  graph.valueInfo = [];
  if (metadata.length > 0) {
    const { metadataProps = [] }: { metadataProps?: readonly KeyValue[] } = model;
    Object.assign(model, { metadataProps: [...metadataProps, ...metadata] });
  }
  return ModelProto.encode(model as Parameters<typeof ModelProto.encode>[0]).finish();
}

/** The wanted name, or a similar one that no tensor of the model has. */
export function makeFreshName({ originalGraph, graph }: OnnxDraft, wanted: string): string {
  const isTaken = (name: string): boolean =>
    originalGraph.types.has(name) ||
    originalGraph.constants.has(name) ||
    graph.initializer.some((tensor) => tensor.name === name) ||
    graph.node.some(({ input, output }) => output.includes(name) || input.includes(name));
  let name = wanted;
  while (isTaken(name)) name = `${name}_`;
  return name;
}

/**
 * Inserts nodes behind the producer of a tensor, so that its readers get their result; behind a graph input, in front
 * of all nodes.
 *
 * @param makeNodes nodes that compute tensor `to` from tensor `from`
 */
export function insertAfter(
  draft: OnnxDraft,
  tensor: string,
  makeNodes: (from: string, to: string) => DraftNode[],
): void {
  const { graph } = draft;
  const index = graph.node.findIndex(({ output }) => output.includes(tensor));
  if (index < 0) {
    const to = makeFreshName(draft, `${tensor}_rounded`);
    redirectReaders(graph.node, tensor, to);
    graph.node.unshift(...makeNodes(tensor, to));
    return;
  }
  const producer = graph.node[index];
  const from = makeFreshName(draft, `${tensor}_exact`);
  producer.output = producer.output.map((name) => (name === tensor ? from : name));
  graph.node.splice(index + 1, 0, ...makeNodes(from, tensor));
}

/** Makes all nodes that read one tensor read another, in subgraphs too. */
function redirectReaders(nodes: readonly DraftNode[], from: string, to: string): void {
  for (const node of nodes) {
    node.input = node.input.map((name) => (name === from ? to : name));
    for (const subgraph of subgraphsOf(node)) redirectReaders(subgraph.node, from, to);
  }
}

export function subgraphsOf({ attribute }: DraftNode): DraftGraph[] {
  return attribute.flatMap(({ g, graphs = [] }) => (g ? [g, ...graphs] : [...graphs]));
}

/** @param attributes integers by their names */
export function makeDraftNode(
  opType: string,
  input: string[],
  output: string,
  attributes: Readonly<Record<string, number>> = {},
): DraftNode {
  return {
    opType,
    input,
    output: [output],
    name: `neurofuzz/${output}`,
    attribute: Object.entries(attributes).map(([name, i]) => ({ name, i, type: ATTRIBUTE_TYPE.int })),
  };
}

/** @throws TypeError if the weight is not float32 */
export function weightValues(weight: OnnxTensor): Float32Array {
  const { data }: Tensor = tensorOf(weight, weight.name);
  if (data instanceof Float32Array) return data;
  throw new TypeError(`weight ${weight.name} is not float32`);
}
