import { UserError } from '../../../core/errors.ts';
import { quoteEscaped } from '../../../core/escape-control.ts';
import { decodeMessage } from '../decode-message.ts';
import { nodeNameOf } from './inline-calls.ts';
import {
  CollectionEntryProto,
  ListValueProto,
  type TfAttribute,
  type TfFunction,
  type TfMetaGraph,
  type TfNodeDef,
} from './proto.ts';

/** Operations that read or write files, or run code: a model that holds one is refused. */
const UNSAFE_OPS =
  /^(ReadFile|WriteFile|MatchingFiles|.*PyFunc.*|EagerPyFunc|WholeFileReader.*|TextLineReader.*|TFRecordReader.*|FixedLengthRecordReader.*|LMDBReader|IdentityReader.*|TextLineDataset|TFRecordDataset.*|FixedLengthRecordDataset.*|SqlDataset|CSVDataset.*|PrintV2|LookupTableExport.*|.*SummaryFileWriter|WriteSummary.*|LoadDataset.*|SaveDataset.*|XlaLaunch|TPU.*)$/;

/** Further ones that name files or addresses; graphs of training hold some, so they are refused where they would run. */
const OPENING_OPS =
  /^(Save|SaveV2|SaveSlices|MergeV2Checkpoints|DistributedSave|(Experimental)?(MatchingFiles|Cache|Snapshot|DataService|LMDB|Sql|CSV)Dataset.*|SnapshotDatasetReader|(Experimental)?DatasetToTFRecord|.*Summary(File|Db)?Writer.*|Write.*Summary|ImportEvent|Debug(Identity|Nan|Numeric).*|ImmutableConst|GenerateVocabRemapping|LoadAndRemapMatrix|Skipgram|FixedUnigramCandidateSampler|Bigtable.*|Kafka.*|Gcs.*|Rpc.*|TryRpc|Remote.*|_?(Host)?(Send|Recv)|.*TRTEngine.*|Xla(Send|Recv).*|ConfigureDistributedTPU)$/;

/** Those that TensorFlow's loader runs on files that it names itself: weights, and tables of words. */
const RESTORING_OPS = /^(Restore|RestoreV2|RestoreSlice)$/;
const TABLE_OPS = /^InitializeTableFromTextFile(V2)?$/;

/** Collections, and a signature, that name what TensorFlow runs when it loads a model. */
const INITIALIZING_COLLECTIONS: readonly string[] = ['saved_model_main_op', 'legacy_init_op'];
const INITIALIZING_SIGNATURE = '__saved_model_init_op';

/** A node, and the function in whose body it stands; undefined for the main graph. */
interface PlacedNode {
  readonly node: TfNodeDef;
  readonly within: TfFunction | undefined;
}

/**
 * Refuses a SavedModel that would do more than compute: TensorFlow itself may only read the model's weights and assets,
 * where its loader says which files those are.
 *
 * @param outputs tensors that are computed
 * @throws UserError for such a model
 */
export function checkFileAccess(meta: TfMetaGraph, outputs: readonly string[], path: string): void {
  const graph = new CallGraph(meta);
  const refuse = ({ op, name }: TfNodeDef, why: string): UserError =>
    new UserError(`${path} holds the operation ${op} (${name}), which ${why}: refused`);
  const unsafe = graph.placed.find(({ node }) => UNSAFE_OPS.test(node.op));
  if (unsafe !== undefined) throw refuse(unsafe.node, 'does more than compute');
  for (const { filename } of meta.assetFileDef) checkAsset(filename, path);
  const runs: readonly [ends: readonly string[], allowed: RegExp | undefined, files: readonly string[]][] = [
    [outputs, undefined, []],
    [initializers(meta), TABLE_OPS, meta.assetFileDef.map(({ tensorInfo }) => tensorInfo?.name ?? '')],
    [[meta.saverDef?.restoreOpName ?? ''], RESTORING_OPS, [meta.saverDef?.filenameTensorName ?? '']],
  ];
  for (const [ends, allowed, files] of runs) {
    const given = new Set(files.map(nodeNameOf));
    for (const { node, within } of graph.reachable(ends)) {
      const isFileOp = [OPENING_OPS, RESTORING_OPS, TABLE_OPS].some((ops) => ops.test(node.op));
      if (!isFileOp) continue;
      const file = dataInputs(node)[TABLE_OPS.test(node.op) ? 1 : 0];
      const isGiven = allowed?.test(node.op) === true && graph.isGiven(file, within, given, new Set());
      if (!isGiven) throw refuse(node, "would open a file that is not one of the model's");
    }
  }
}

function checkAsset(filename: string, path: string): void {
  const isInside = filename !== '' && !/^[/\\]|^[a-z]:|\0/i.test(filename);
  if (!isInside || filename.split(/[/\\]/).includes('..'))
    throw new UserError(
      `${path} names the asset ${quoteEscaped(filename)}, which lies outside the model's folder; refused`,
    );
}

/** Names of the nodes that TensorFlow runs once a model is loaded. */
function initializers({ signatureDef, collectionDef }: TfMetaGraph): string[] {
  const collections = collectionDef.map((entry) =>
    decodeMessage<{
      readonly key: string;
      readonly value: { readonly nodeList: { readonly value: readonly string[] } | null } | null;
    }>(CollectionEntryProto, entry),
  );
  return [
    ...Object.values(signatureDef[INITIALIZING_SIGNATURE]?.outputs ?? {}).map(({ name }) => name),
    ...collections
      .filter(({ key }) => INITIALIZING_COLLECTIONS.includes(key))
      .flatMap(({ value }) => value?.nodeList?.value ?? []),
  ];
}

function dataInputs({ input }: TfNodeDef): string[] {
  return input.filter((edge) => !edge.startsWith('^'));
}

/** Name of the node or argument that an edge comes from: `name:1`, or in a function `name:output:1`. */
function sourceOf(edge: string): string {
  return edge.replace(/^\^/, '').split(':', 1)[0];
}

/** Names of the functions that an attribute holds. */
function functionsOf({ func, list }: TfAttribute): string[] {
  const inList =
    list === undefined
      ? []
      : decodeMessage<{ readonly func: readonly { readonly name: string }[] }>(ListValueProto, list).func;
  return [...(func ? [func] : []), ...inList].map(({ name }) => name);
}

/** A graph with its functions, and which node calls which. */
class CallGraph {
  readonly placed: readonly PlacedNode[];
  readonly #functions: ReadonlyMap<string, TfFunction>;
  readonly #callers = new Map<string, PlacedNode[]>();
  readonly #nodes = new Map<TfFunction | undefined, Map<string, PlacedNode>>();

  constructor({ graphDef }: TfMetaGraph) {
    const library = graphDef?.library?.function ?? [];
    this.#functions = new Map(library.map((definition) => [definition.signature.name, definition]));
    this.placed = [
      ...(graphDef?.node ?? []).map((node) => ({ node, within: undefined })),
      ...library.flatMap((within) => within.nodeDef.map((node) => ({ node, within }))),
    ];
    for (const place of this.placed) {
      const nodes = this.#nodes.get(place.within) ?? new Map<string, PlacedNode>();
      this.#nodes.set(place.within, nodes.set(place.node.name, place));
      for (const name of this.#calls(place.node)) {
        const callers = this.#callers.get(name);
        if (callers === undefined) this.#callers.set(name, [place]);
        else callers.push(place);
      }
    }
  }

  /** Names of functions that a node may call; an operation may also be one. */
  #calls({ op, attr }: TfNodeDef): string[] {
    return [op, ...Object.values(attr).flatMap(functionsOf)].filter((name) => this.#functions.has(name));
  }

  /** All nodes that computing these may run: those that they depend on, and whole bodies of functions that are called. */
  reachable(ends: readonly string[]): PlacedNode[] {
    const reached = new Set<PlacedNode>();
    const main = this.#nodes.get(undefined);
    const pending = ends.map((end) => main?.get(nodeNameOf(end)));
    while (pending.length > 0) {
      const place = pending.pop();
      if (place === undefined || reached.has(place)) continue;
      reached.add(place);
      const siblings = this.#nodes.get(place.within);
      for (const edge of place.node.input) pending.push(siblings?.get(sourceOf(edge)));
      for (const name of this.#calls(place.node)) {
        for (const inner of this.#nodes.get(this.#functions.get(name))?.values() ?? []) pending.push(inner);
      }
    }
    return [...reached];
  }

  /**
   * Whether an edge carries what TensorFlow's loader gives, and nothing that the model says itself.
   *
   * @param given names of the nodes of the main graph that the loader feeds
   */
  isGiven(
    edge: string | undefined,
    within: TfFunction | undefined,
    given: ReadonlySet<string>,
    seen: Set<string>,
  ): boolean {
    if (edge === undefined) return false;
    const source = sourceOf(edge);
    const key = JSON.stringify([within?.signature.name, source]);
    // A circle gives nothing by itself.
    if (seen.has(key)) return true;
    seen.add(key);
    if (within === undefined && given.has(source)) return true;
    const argument = within?.signature.inputArg.findIndex(({ name }) => name === source) ?? -1;
    if (within !== undefined && argument >= 0)
      return (this.#callers.get(within.signature.name) ?? []).every(
        ({ node, within: caller }) =>
          (node.op === within.signature.name || /^(Stateful)?PartitionedCall$/.test(node.op)) &&
          this.isGiven(dataInputs(node)[argument], caller, given, seen),
      );
    const node = this.#nodes.get(within)?.get(source)?.node;
    return node?.op === 'Identity' && this.isGiven(dataInputs(node)[0], within, given, seen);
  }
}
