import { outputIndexOf } from './output-names.ts';
import type { TfFunction, TfNodeDef } from './proto.ts';

/** Operations that call a function of the library. */
const CALL_OPS = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

/** Limit on the inlined graph: functions that call functions may grow it without bound. */
const MAX_NODES = 200_000;

/** Calls of a function within calls of itself from which on it is recursive: sound ones call it for another output at most. */
const MAX_CALLS_WITHIN_ITSELF = 8;

/** A graph in which calls are replaced by the bodies of the functions. */
export interface InlinedGraph {
  readonly nodes: readonly TfNodeDef[];
  /** For each edge that led to a call, the edge that takes its place. */
  readonly replacements: ReadonlyMap<string, string>;
}

/**
 * Replaces calls by the bodies of the functions, as TensorFlow does before it runs a graph, so that inner tensors can be
 * fetched. Nodes of a body are named after the call, a slash and their own name.
 *
 * @param ends tensors whose computation is inlined; other calls, such as those that restore weights, stay
 * @returns undefined if a function is missing, recursive, or uses an operation whose outputs are not known
 */
export function inlineCalls(
  graph: readonly TfNodeDef[],
  library: readonly TfFunction[],
  ends: readonly string[],
): InlinedGraph | undefined {
  const functions = new Map(library.map((definition) => [definition.signature.name, definition]));
  const replacements = new Map<string, string>();
  /** Names of the functions that a call of an inlined body lies in, by the call's name. */
  const callers = new Map<string, readonly string[]>();
  let nodes = [...graph];
  // Bodies may hold calls, which the next round replaces.
  for (;;) {
    nodes = nodes.map((node) => redirectEdges(node, replacements));
    const needed = reachableNodes(
      nodes,
      ends.map((end) => resolveEdge(end, replacements)),
    );
    const calls = needed.filter(({ op }) => CALL_OPS.has(op));
    if (calls.length === 0) return { nodes, replacements };
    const bodies = new Map<TfNodeDef, readonly TfNodeDef[]>();
    for (const call of calls) {
      const name = call.attr.f?.func?.name ?? '';
      const within = [...(callers.get(call.name) ?? []), name];
      if (within.filter((caller) => caller === name).length > MAX_CALLS_WITHIN_ITSELF) return undefined;
      const called = functions.get(name);
      const body = called === undefined ? undefined : inlineBody(call, called, replacements);
      if (body === undefined) return undefined;
      for (const node of body) if (CALL_OPS.has(node.op)) callers.set(node.name, within);
      bodies.set(call, body);
    }
    nodes = nodes.flatMap((node) => bodies.get(node) ?? [node]);
    if (nodes.length > MAX_NODES) return undefined;
  }
}

/** The nodes that tensors depend on by data edges. */
export function reachableNodes(nodes: readonly TfNodeDef[], tensors: readonly string[]): TfNodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const reached = new Set<TfNodeDef>();
  const pending = tensors.map(nodeNameOf);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = byName.get(name);
    if (node === undefined || reached.has(node)) continue;
    reached.add(node);
    for (const edge of node.input) if (!edge.startsWith('^')) pending.push(nodeNameOf(edge));
  }
  return [...reached];
}

/** Name of the node that an edge comes from; `^name` is a control edge, `name:1` the second output. */
export function nodeNameOf(edge: string): string {
  return edge.replace(/^\^/, '').replace(/:\d+$/, '');
}

/** The body of a function with its edges rewritten for one call; adds the call's outputs to `replacements`. */
function inlineBody(
  call: TfNodeDef,
  { signature, nodeDef, ret, controlRet }: TfFunction,
  replacements: Map<string, string>,
): TfNodeDef[] | undefined {
  const dataInputs = call.input.filter((edge) => !edge.startsWith('^'));
  const argumentEdges = new Map(signature.inputArg.map(({ name }, i) => [name, dataInputs[i]]));
  const ops = new Map(nodeDef.map((node) => [node.name, node.op]));
  let isComplete = true;
  const rewriteEdge = (edge: string): string => {
    if (edge.startsWith('^')) {
      const name = edge.slice(1);
      const outer = argumentEdges.get(name);
      return outer === undefined ? `^${call.name}/${name}` : `^${nodeNameOf(outer)}`;
    }
    // Edges of a function are `node:output:index`, or the name of an argument.
    const [name, output, index = '0'] = edge.split(':');
    const outer = argumentEdges.get(name);
    if (outer !== undefined) return outer;
    const outputIndex = outputIndexOf(ops.get(name) ?? '', output, Number(index));
    if (outputIndex === undefined) isComplete = false;
    return outputIndex ? `${call.name}/${name}:${outputIndex}` : `${call.name}/${name}`;
  };
  const body = nodeDef.map((node) => ({
    ...node,
    name: `${call.name}/${node.name}`,
    input: node.input.map(rewriteEdge),
  }));
  signature.outputArg.forEach(({ name }, k) => {
    const target = rewriteEdge(ret[name] ?? '');
    replacements.set(k === 0 ? call.name : `${call.name}:${k}`, target);
    if (k === 0) replacements.set(`${call.name}:0`, target);
  });
  const [controlOutput] = Object.values(controlRet);
  replacements.set(`^${call.name}`, controlOutput === undefined ? '' : `^${call.name}/${controlOutput}`);
  return isComplete ? body : undefined;
}

function redirectEdges(node: TfNodeDef, replacements: ReadonlyMap<string, string>): TfNodeDef {
  return {
    ...node,
    input: node.input.map((edge) => resolveEdge(edge, replacements)).filter((edge) => edge !== ''),
  };
}

/** The edge that takes an edge's place once calls are replaced, through any number of replacements. */
export function resolveEdge(edge: string, replacements: ReadonlyMap<string, string>): string {
  const seen = new Set<string>();
  let resolved = edge;
  for (
    let next = replacements.get(resolved);
    next !== undefined && !seen.has(resolved);
    next = replacements.get(resolved)
  ) {
    seen.add(resolved);
    resolved = next;
  }
  return resolved;
}
