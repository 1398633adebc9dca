import { suggestName } from '../../../core/did-you-mean.ts';
import { errorMessage, UserError } from '../../../core/errors.ts';
import type { DType } from '../../../tensor/tensor.ts';
import { type Graph, type GraphNode, sortTopologically } from '../../graph/graph.ts';
import { decodeMessage } from '../decode-message.ts';
import { checkFileAccess } from './file-access.ts';
import { type InlinedGraph, inlineCalls, nodeNameOf, reachableNodes, resolveEdge } from './inline-calls.ts';
import {
  SavedModelProto,
  type TfMetaGraph,
  type TfNodeDef,
  type TfSavedModel,
  type TfSignature,
  type TfTensorInfo,
  tfDims,
} from './proto.ts';

/** An input or output of a signature. */
export interface SignatureTensor {
  /** The signature's name for it. */
  readonly name: string;
  /** The graph's name for it, as `serving_default_x:0`. */
  readonly tensor: string;
  /** TensorFlow's DataType number. */
  readonly dtype: number;
  /** Undefined if not even the number of dimensions is known. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** One signature of a SavedModel. */
export interface SavedModelContent {
  readonly tags: readonly string[];
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
  readonly graph: Graph;
  /** The nodes that the outputs depend on, calls replaced. */
  readonly nodes: readonly TfNodeDef[];
  /** saved_model.pb with calls replaced by the functions' bodies, so that inner tensors can be fetched. */
  readonly inlinedBytes: Uint8Array | undefined;
  /** The outputs' tensors in the inlined graph, in the order of `outputs`. */
  readonly inlinedOutputs: readonly string[];
}

/**
 * Reads a signature of saved_model.pb.
 *
 * @throws UserError if it is damaged, has no such tags or signature, or would do more than compute
 */
export function readSavedModel(
  bytes: Uint8Array,
  path: string,
  selection: { readonly tags?: readonly string[] | undefined; readonly signature?: string | undefined },
): SavedModelContent {
  let model: TfSavedModel;
  try {
    model = decodeMessage<TfSavedModel>(SavedModelProto, bytes);
  } catch (error) {
    throw new UserError(
      `${path} holds a damaged saved_model.pb (${errorMessage(error)}): save the model again`,
    );
  }
  const meta = selectMetaGraph(model, path, selection.tags);
  const nodes = meta.graphDef?.node ?? [];
  const library = meta.graphDef?.library?.function ?? [];
  const signature = selectSignature(meta, path, selection.signature);
  const inputs = signatureTensors(signature.inputs);
  const outputs = signatureTensors(signature.outputs);
  if (inputs.length === 0 || outputs.length === 0) {
    throw new UserError(`${path}: its signature has no inputs or no outputs: name another with --signature`);
  }
  checkFileAccess(
    meta,
    outputs.map(({ tensor }) => tensor),
    path,
  );
  const inlined = inlineCalls(
    nodes,
    library,
    outputs.map(({ tensor }) => tensor),
  );
  const replacements = inlined?.replacements ?? new Map<string, string>();
  const inlinedOutputs = outputs.map(({ tensor }) => resolveEdge(tensor, replacements));
  return {
    tags: meta.metaInfoDef?.tags ?? [],
    inputs,
    outputs,
    graph: buildGraph(inlined?.nodes ?? nodes, inputs, outputs, inlinedOutputs),
    nodes: reachableNodes(inlined?.nodes ?? nodes, inlinedOutputs),
    inlinedBytes: inlined === undefined ? undefined : encodeInlined(model, meta, inlined),
    inlinedOutputs,
  };
}

function selectMetaGraph(
  { metaGraphs }: TfSavedModel,
  path: string,
  tags: readonly string[] = ['serve'],
): TfMetaGraph {
  const tagsOf = (meta: TfMetaGraph): string => [...(meta.metaInfoDef?.tags ?? [])].sort().join(', ');
  const wanted = [...tags].sort().join(', ');
  const found = metaGraphs.find((meta) => tagsOf(meta) === wanted);
  if (found !== undefined) return found;
  const has = metaGraphs.map(tagsOf).join('; ');
  throw new UserError(`${path} has no graph tagged ${wanted}: choose with --tags; it has ${has || 'none'}`);
}

function selectSignature(
  { signatureDef }: TfMetaGraph,
  path: string,
  asked: string | undefined,
): TfSignature {
  const names = Object.keys(signatureDef).filter((name) => name !== '__saved_model_init_op');
  const wanted = asked ?? (names.length === 1 ? names[0] : 'serving_default');
  if (names.includes(wanted)) return signatureDef[wanted];
  if (names.length === 0) throw new UserError(`${path} has no signature to run: save the model with one`);
  throw new UserError(
    `${path} has no signature ${wanted}: choose with --signature; ${suggestName(wanted, names)}`,
  );
}

function signatureTensors(infos: TfSignature['inputs']): SignatureTensor[] {
  return Object.keys(infos)
    .sort()
    .map((name) => {
      const { name: tensor, dtype, tensorShape } = infos[name];
      return { name, tensor, dtype, shape: tfDims(tensorShape) };
    });
}

/** TensorFlow's DataType numbers. */
const DTYPE_BY_TF_NUMBER: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'float64',
  3: 'int32',
  9: 'int64',
  10: 'bool',
  19: 'float16',
};

/** Operations that hold or name weights, and placeholders; their tensors are not activations. */
const NON_ACTIVATION_OPS = new Set([
  'Const',
  'VarHandleOp',
  'VariableV2',
  'Placeholder',
  'NoOp',
  'ReadVariableOp',
]);

/** The part of the graph that the outputs depend on. A node's first output has the node's name. */
function buildGraph(
  nodes: readonly TfNodeDef[],
  inputs: readonly SignatureTensor[],
  outputs: readonly SignatureTensor[],
  ends: readonly string[],
): Graph {
  const constants = new Map<string, readonly number[]>();
  const computed: GraphNode[] = [];
  const typeNumbers = new Map<string, number>();
  for (const { name, op, input, attr } of reachableNodes(nodes, ends)) {
    const shape = op === 'Const' ? attr.value?.tensor?.tensorShape : attr.shape?.shape;
    if (op === 'Const' || op === 'VarHandleOp' || op === 'VariableV2') {
      constants.set(
        name,
        (tfDims(shape) ?? []).map((size) => size ?? 1),
      );
    } else if (!NON_ACTIVATION_OPS.has(op)) {
      const edges = input.filter((edge) => !edge.startsWith('^')).map(tensorName);
      computed.push({ name, op, inputs: edges, outputs: [name] });
      const type = (attr.DstT ?? attr.T ?? attr.dtype)?.type;
      if (type !== undefined) typeNumbers.set(name, type);
    }
  }
  const declared = [...inputs, ...outputs].flatMap(({ name, shape }) =>
    shape === undefined ? [] : [[name, shape] as const],
  );
  return {
    nodes: sortTopologically(computed),
    inputs: inputs.map(({ tensor }) => nodeNameOf(tensor)),
    outputs: ends.map(tensorName),
    constants,
    values: new Map(),
    shapes: new Map(declared),
    types: new Map(
      computed.flatMap(({ name }) => {
        const type = DTYPE_BY_TF_NUMBER[typeNumbers.get(name) ?? 0];
        return type === undefined ? [] : [[name, type] as const];
      }),
    ),
  };
}

function tensorName(edge: string): string {
  return edge.replace(/:0$/, '');
}

function encodeInlined(
  model: TfSavedModel,
  meta: TfMetaGraph,
  { nodes, replacements }: InlinedGraph,
): Uint8Array {
  const signatureDef = mapValues(meta.signatureDef, (signature) => ({
    ...signature,
    inputs: mapValues(signature.inputs, redirect),
    outputs: mapValues(signature.outputs, redirect),
  }));
  const graphDef = meta.graphDef && { ...meta.graphDef, node: nodes };
  return SavedModelProto.encode({ ...model, metaGraphs: [{ ...meta, graphDef, signatureDef }] }).finish();

  function redirect(info: TfTensorInfo): TfTensorInfo {
    return { ...info, name: withOutputIndex(resolveEdge(info.name, replacements)) };
  }
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function withOutputIndex(tensor: string): string {
  return /:\d+$/.test(tensor) ? tensor : `${tensor}:0`;
}
