import type { OmittedOutput } from '../../model.ts';
import { decodeMessage } from '../decode-message.ts';
import { ModelProto, type OnnxGraph, type OnnxNode, type OnnxTensor, type OnnxValue } from './proto.ts';
import { DATA_TYPE } from './tensor.ts';

/** Most elements of a sequence that become outputs of their own. */
const MAX_ELEMENTS = 64;

interface EditableGraph extends Omit<OnnxGraph, 'node' | 'output' | 'initializer'> {
  node: object[];
  output: object[];
  initializer: object[];
}

/** An ONNX file all outputs of which are tensors. */
export interface TensorOutputs {
  readonly bytes: Uint8Array;
  readonly omitted: readonly OmittedOutput[];
}

/** Names of outputs that are no tensors: sequences, maps and optional values. */
export function nonTensorOutputs({ output }: OnnxGraph): string[] {
  return output.filter(({ type }) => describeType(type) !== undefined).map(({ name }) => name);
}

/**
 * Rewrites an ONNX file whose outputs are not all tensors, since onnxruntime-node gives tensors alone. A list of maps that
 * ZipMap makes of scores, as converters of scikit-learn write it, becomes the tensor of those scores under the same name;
 * a sequence whose length the graph determines becomes one output for each element; other outputs are left out.
 */
export function rewriteNonTensorOutputs(bytes: Uint8Array): TensorOutputs {
  const model = decodeMessage<{ readonly graph: EditableGraph }>(ModelProto, bytes);
  const { graph } = model;
  const nodes = graph.node as OnnxNode[];
  const constants = new Map((graph.initializer as OnnxTensor[]).map((tensor) => [tensor.name, tensor]));
  const omitted: OmittedOutput[] = [];
  const outputs: object[] = [];
  for (const output of graph.output as OnnxValue[]) {
    const { name, type } = output;
    const kind = describeType(type);
    if (kind === undefined) {
      outputs.push(output);
      continue;
    }
    const producer = nodes.find((node) => node.output.includes(name));
    const isRead = nodes.some((node) => node.input.includes(name));
    if (producer?.opType === 'ZipMap' && !isRead) {
      const identity = { opType: 'Identity', name: producer.name, input: producer.input, output: [name] };
      graph.node = graph.node.map((node) => (node === producer ? identity : node));
      outputs.push({ name, type: { tensorType: { elemType: DATA_TYPE.float32 } } });
      continue;
    }
    const length = producer === undefined ? undefined : sequenceLength(producer, constants);
    if (length === undefined || length > MAX_ELEMENTS) {
      omitted.push({ name, reason: `it is ${kind}` });
      continue;
    }
    for (let i = 0; i < length; i++) {
      const element = `${name}_${i}`;
      const index = `${element}_index`;
      graph.initializer.push({ name: index, dataType: DATA_TYPE.int64, int64Data: [i] });
      graph.node.push({ opType: 'SequenceAt', name: element, input: [name, index], output: [element] });
      outputs.push({ name: element });
    }
  }
  graph.output = outputs;
  return { bytes: ModelProto.encode(model as Parameters<typeof ModelProto.encode>[0]).finish(), omitted };
}

/** What a value is that is no tensor; undefined for a tensor. */
function describeType(type: OnnxValue['type']): string | undefined {
  if (type?.sequenceType) return 'a sequence';
  if (type?.mapType) return 'a map';
  return type?.optionalType ? 'an optional value' : undefined;
}

/** Number of elements of the sequence that a node makes; undefined where it depends on the run. */
function sequenceLength(
  { opType, input }: OnnxNode,
  constants: ReadonlyMap<string, OnnxTensor>,
): number | undefined {
  if (opType === 'SequenceConstruct') return input.length;
  if (opType === 'SequenceEmpty') return 0;
  const split = opType === 'SplitToSequence' ? constants.get(input[1] ?? '') : undefined;
  return split?.dims.length === 1 ? Number(split.dims[0]) : undefined;
}
