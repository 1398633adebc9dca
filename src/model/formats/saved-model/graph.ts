import { suggestName } from '../../../core/did-you-mean.ts';
import { errorMessage, UserError } from '../../../core/errors.ts';
import type { DType } from '../../../tensor/tensor.ts';
import { type Graph, type GraphNode, sortTopologically } from '../../graph/graph.ts';
import { inlineCalls, nodeNameOf, reachableNodes, resolveEdge } from '../../graph/inline.ts';
import {
  SavedModelProto,
  type TfMetaGraph,
  type TfNodeDef,
  type TfSavedModel,
  type TfSignature,
  tfDims,
} from './proto.ts';

/** An input or output of a signature. */
export interface SignatureTensor {
  /** The signature's name for it. */
  readonly name: string;
  /** The graph's, as `serving_default_x:0`. */
  readonly tensor: string;
  /** TensorFlow's DataType number. */
  readonly dtype: number;
  /** Undefined where not even the number of dimensions is known. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** One signature of a SavedModel. */
export interface SavedModelContent {
  readonly tags: readonly string[];
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
  readonly graph: Graph;
  /** saved_model.pb with called functions in place of the calls, so that their tensors can be fetched. */
  readonly inlinedBytes: Uint8Array | undefined;
  /** Where the output tensors are in it, in the order of `outputs`. */
  readonly inlinedOutputs: readonly string[];
}

/** Operations that read or write files, or run code: a model that has them is no data. */
const UNSAFE_OPS =
  /^(ReadFile|WriteFile|MatchingFiles|.*PyFunc.*|EagerPyFunc|WholeFileReader.*|TextLineReader.*|TFRecordReader.*|FixedLengthRecordReader.*|LMDBReader|IdentityReader.*|TextLineDataset|TFRecordDataset.*|FixedLengthRecordDataset.*|SqlDataset|CSVDataset.*|PrintV2|LookupTableExport.*|.*SummaryFileWriter|WriteSummary.*|LoadDataset.*|SaveDataset.*|XlaLaunch|TPU.*)$/;

/**
 * Reads a signature of saved_model.pb.
 *
 * @throws UserError where it is damaged, has no such tags or signature, or would do more than compute
 */
export function readSavedModel(
  bytes: Uint8Array,
  path: string,
  asked: { readonly tags?: readonly string[] | undefined; readonly signature?: string | undefined },
): SavedModelContent {
  let model: TfSavedModel;
  try {
    model = SavedModelProto.decode(bytes) as unknown as TfSavedModel;
  } catch (error) {
    throw new UserError(
      `${path} holds a damaged saved_model.pb (${errorMessage(error)}): save the model again`,
    );
  }
  const meta = selectMetaGraph(model, path, asked.tags);
  const nodes = meta.graphDef?.node ?? [];
  const library = meta.graphDef?.library?.function ?? [];
  const unsafe = [...nodes, ...library.flatMap(({ nodeDef }) => nodeDef)].find(({ op }) =>
    UNSAFE_OPS.test(op),
  );
  if (unsafe !== undefined) {
    throw new UserError(
      `${path} holds the operation ${unsafe.op} (${unsafe.name}), which does more than compute: refused`,
    );
  }
  const signature = selectSignature(meta, path, asked.signature);
  const inputs = signatureTensors(signature.inputs);
  const outputs = signatureTensors(signature.outputs);
  if (inputs.length === 0 || outputs.length === 0) {
    throw new UserError(`${path}: its signature has no inputs or no outputs: name another with --signature`);
  }
  const inlined = inlineCalls(
    nodes,
    library,
    outputs.map(({ tensor }) => tensor),
  );
  const replaced = inlined?.replacements ?? new Map<string, string>();
  const inlinedOutputs = outputs.map(({ tensor }) => resolveEdge(tensor, replaced));
  return {
    tags: meta.metaInfoDef?.tags ?? [],
    inputs,
    outputs,
    graph: buildGraph(inlined?.nodes ?? nodes, inputs, outputs, inlinedOutputs),
    inlinedBytes: inlined === undefined ? undefined : encodeInlined(model, meta, inlined.nodes, replaced),
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

/** Operations that hold weights or name them; their tensors are no activations. */
const NON_ACTIVATION_OPS = new Set([
  'Const',
  'VarHandleOp',
  'VariableV2',
  'Placeholder',
  'NoOp',
  'ReadVariableOp',
]);

/** The part of the graph that the outputs depend on; the first output of a node is called by the node. */
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

/** `name:0` is called `name`. */
function tensorName(edge: string): string {
  return edge.replace(/:0$/, '');
}

function encodeInlined(
  model: TfSavedModel,
  meta: TfMetaGraph,
  nodes: readonly TfNodeDef[],
  replaced: ReadonlyMap<string, string>,
): Uint8Array {
  for (const { inputs, outputs } of Object.values(meta.signatureDef)) {
    for (const info of [...Object.values(inputs), ...Object.values(outputs)] as { name: string }[]) {
      info.name = withOutputIndex(resolveEdge(info.name, replaced));
    }
  }
  if (meta.graphDef !== null) meta.graphDef.node = nodes;
  return SavedModelProto.encode({ ...model, metaGraphs: [meta] } as never).finish();
}

function withOutputIndex(tensor: string): string {
  return /:\d+$/.test(tensor) ? tensor : `${tensor}:0`;
}
