import type { TfFunction, TfNodeDef } from '../formats/saved-model/proto.ts';

/** Operations that run a function of the library in their place. */
const CALL_OPS = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

/** Nodes after which inlining is given up: functions that call functions grow without bound. */
const MAX_NODES = 200_000;

/**
 * Names of the outputs of operations that have several, in order (TensorFlow's op registry). An operation
 * that is not here has one output or one list of them.
 */
const OUTPUT_NAMES: Readonly<Record<string, readonly string[]>> = {
  FusedBatchNorm: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV2: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV3: [
    'y',
    'batch_mean',
    'batch_variance',
    'reserve_space_1',
    'reserve_space_2',
    'reserve_space_3',
  ],
  TopK: ['values', 'indices'],
  TopKV2: ['values', 'indices'],
  Unique: ['y', 'idx'],
  UniqueV2: ['y', 'idx'],
  UniqueWithCounts: ['y', 'idx', 'count'],
  Switch: ['output_false', 'output_true'],
  Merge: ['output', 'value_index'],
  ListDiff: ['out', 'idx'],
  MaxPoolWithArgmax: ['output', 'argmax'],
  NonMaxSuppressionV4: ['selected_indices', 'valid_outputs'],
  NonMaxSuppressionV5: ['selected_indices', 'selected_scores', 'valid_outputs'],
  TensorListPopBack: ['output_handle', 'tensor'],
  SparseSoftmaxCrossEntropyWithLogits: ['loss', 'backprop'],
  SoftmaxCrossEntropyWithLogits: ['loss', 'backprop'],
};

/** A graph in which called functions stand in place of the calls. */
export interface InlinedGraph {
  readonly nodes: readonly TfNodeDef[];
  /** What took the place of a call's output, by the name that others call it by. */
  readonly replacements: ReadonlyMap<string, string>;
}

/**
 * Puts the bodies of called functions in place of the calls, as TensorFlow does before it runs a graph. Its
 * tensors can then be fetched. Nodes of a body are called by the call, a slash and their own name.
 *
 * @param ends tensors whose computation is wanted: other calls, such as those that restore weights, stay
 * @returns undefined where a function is missing, recursive or uses an operation whose outputs are not known
 */
export function inlineCalls(
  graph: readonly TfNodeDef[],
  library: readonly TfFunction[],
  ends: readonly string[],
): InlinedGraph | undefined {
  const functions = new Map(library.map((one) => [one.signature.name, one]));
  const replaced = new Map<string, string>();
  let nodes = [...graph];
  // A body may hold calls itself.
  for (;;) {
    nodes = nodes.map((node) => redirectEdges(node, replaced));
    const wanted = reachableNodes(
      nodes,
      ends.map((end) => resolveEdge(end, replaced)),
    );
    const calls = wanted.filter(({ op }) => CALL_OPS.has(op));
    if (calls.length === 0) return { nodes, replacements: replaced };
    const bodies = new Map<TfNodeDef, readonly TfNodeDef[]>();
    for (const call of calls) {
      const called = functions.get(call.attr.f?.func?.name ?? '');
      const body = called === undefined ? undefined : inlineBody(call, called, replaced);
      if (body === undefined) return undefined;
      bodies.set(call, body);
    }
    nodes = nodes.flatMap((node) => bodies.get(node) ?? [node]);
    if (nodes.length > MAX_NODES) return undefined;
  }
}

/** The nodes that tensors depend on by their values. */
export function reachableNodes(nodes: readonly TfNodeDef[], tensors: readonly string[]): TfNodeDef[] {
  const named = new Map(nodes.map((node) => [node.name, node]));
  const reached = new Set<TfNodeDef>();
  const waiting = tensors.map(nodeNameOf);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = named.get(name);
    if (node === undefined || reached.has(node)) continue;
    reached.add(node);
    for (const edge of node.input) if (!edge.startsWith('^')) waiting.push(nodeNameOf(edge));
  }
  return [...reached];
}

/** Name of the node that an edge comes from. */
export function nodeNameOf(edge: string): string {
  return edge.replace(/^\^/, '').replace(/:\d+$/, '');
}

function inlineBody(
  call: TfNodeDef,
  { signature, nodeDef, ret, controlRet }: TfFunction,
  replaced: Map<string, string>,
): TfNodeDef[] | undefined {
  const given = call.input.filter((edge) => !edge.startsWith('^'));
  const taken = new Map(signature.inputArg.map(({ name }, i) => [name, given[i]]));
  const ops = new Map(nodeDef.map((node) => [node.name, node.op]));
  let known = true;
  const edge = (text: string): string => {
    if (text.startsWith('^')) {
      const name = text.slice(1);
      const outside = taken.get(name);
      return outside === undefined
        ? `^${call.name}/${name}`
        : `^${outside.replace(/^\^/, '').replace(/:\d+$/, '')}`;
    }
    const [name, output, index = '0'] = text.split(':');
    const outside = taken.get(name);
    if (outside !== undefined) return outside;
    const place = outputIndexOf(ops.get(name) ?? '', output, Number(index));
    if (place === undefined) known = false;
    return place ? `${call.name}/${name}:${place}` : `${call.name}/${name}`;
  };
  const body = nodeDef.map((node) => ({
    ...node,
    name: `${call.name}/${node.name}`,
    input: node.input.map(edge),
  }));
  signature.outputArg.forEach(({ name }, k) => {
    const target = edge(ret[name] ?? '');
    replaced.set(k === 0 ? call.name : `${call.name}:${k}`, target);
    if (k === 0) replaced.set(`${call.name}:0`, target);
  });
  const last = Object.values(controlRet)[0];
  replaced.set(`^${call.name}`, last === undefined ? '' : `^${call.name}/${last}`);
  return known ? body : undefined;
}

/** Which output of an operation a function's edge means; undefined where that is not known. */
function outputIndexOf(op: string, output: string | undefined, index: number): number | undefined {
  const names = OUTPUT_NAMES[op];
  if (names === undefined) return index;
  const place = names.indexOf(output ?? '');
  return place < 0 ? undefined : place + index;
}

/** A node whose edges lead to what took the place of calls. */
function redirectEdges(node: TfNodeDef, replaced: ReadonlyMap<string, string>): TfNodeDef {
  return {
    ...node,
    input: node.input.map((edge) => resolveEdge(edge, replaced)).filter((edge) => edge !== ''),
  };
}

/** Where an edge leads once calls are replaced, through as many as there are. */
export function resolveEdge(edge: string, replaced: ReadonlyMap<string, string>): string {
  const seen = new Set<string>();
  let at = edge;
  for (let next = replaced.get(at); next !== undefined && !seen.has(at); next = replaced.get(at)) {
    seen.add(at);
    at = next;
  }
  return at;
}
