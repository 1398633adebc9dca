import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { SHAPE_OPS } from '../../model/graph/input-dependence.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { boundAfter, type GainContext } from './gains.ts';

/** An operation with a gain other than 1. */
export interface PathStep {
  readonly name: string;
  readonly op: string;
  /** How much longer its result can be than the operand on the path. */
  readonly gain: number;
}

/** An operation behind which no bound is known. */
export interface GainStop {
  readonly name: string;
  readonly op: string;
  /** The bound of what it reads; null where inputs of whole numbers reach it. */
  readonly before: number | null;
}

/** An upper bound on |Δ of a tensor| / ‖Δ of the inputs‖, both in L2. */
export interface GainBound {
  readonly tensor: string;
  /** Null where an operation on the way has no known gain. */
  readonly bound: number | null;
  /** Operations from the inputs on, along the operands with the largest bounds, up to the tensor or the first stop. */
  readonly path: readonly PathStep[];
  readonly stops: readonly GainStop[];
}

/** The gain of an operation as far as it counts as 1. */
const SAME = 1e-9;

/**
 * Multiplies the gains of operations from the inputs to a tensor. Where branches meet in a sum their bounds add up.
 *
 * @param context all but `boundOf`
 */
export function boundGain(graph: Graph, tensor: string, context: Omit<GainContext, 'boundOf'>): GainBound {
  const bounds = new Map<string, number>();
  const unbounded = new Set<string>();
  const steps = new Map<string, { readonly step: PathStep; readonly from: string }>();
  for (const name of graph.inputs)
    if (DTYPES[graph.types.get(name) ?? 'float32'].kind === 'float') bounds.set(name, 1);
    else unbounded.add(name);
  const stops: GainStop[] = [];
  const known: GainContext = { ...context, boundOf: (name) => bounds.get(name) };
  const integers = new Set(unbounded);
  for (const node of ancestorsOf(graph, tensor)) {
    if (SHAPE_OPS.has(node.op)) continue;
    const moving = node.inputs.filter((name) => bounds.has(name));
    const isBehindStop = node.inputs.some((name) => unbounded.has(name) && !integers.has(name));
    const readsIntegers = node.inputs.some((name) => integers.has(name));
    if (moving.length === 0 && !isBehindStop && !readsIntegers) continue;
    const bound =
      isBehindStop || readsIntegers || node.subgraphs !== undefined ? undefined : boundAfter(node, known);
    if (bound !== undefined && Number.isFinite(bound)) {
      const from = moving.reduce((a, b) => ((bounds.get(b) ?? 0) > (bounds.get(a) ?? 0) ? b : a));
      const step = { name: node.name, op: node.op, gain: bound / (bounds.get(from) || 1) };
      for (const output of node.outputs) {
        bounds.set(output, bound);
        steps.set(output, { step, from });
      }
      continue;
    }
    for (const output of node.outputs) {
      unbounded.add(output);
      // Positions, masks and conditions that are made of whole numbers are no result yet.
      if (!isBehindStop && moving.length === 0 && isWhole(graph, output)) integers.add(output);
    }
    if (node.outputs.some((output) => integers.has(output))) continue;
    if (isBehindStop) continue;
    const before = readsIntegers ? null : Math.max(...moving.map((name) => bounds.get(name) ?? 0));
    stops.push({ name: node.name, op: node.op, before });
  }
  const bound = bounds.get(tensor) ?? null;
  const end = bound === null ? endBefore(stops, graph, bounds) : tensor;
  return { tensor, bound, path: pathTo(end, steps), stops };
}

/** Whether a tensor is known to hold no floats. */
function isWhole({ types }: Graph, tensor: string): boolean {
  const type = types.get(tensor);
  return type !== undefined && DTYPES[type].kind !== 'float';
}

/** The tensor with the largest bound that an operation without a gain reads. */
function endBefore(
  [stop]: readonly GainStop[],
  { nodes }: Graph,
  bounds: ReadonlyMap<string, number>,
): string | undefined {
  const node = nodes.find(({ name }) => name === stop?.name);
  const moving = node?.inputs.filter((name) => bounds.has(name)) ?? [];
  return moving.sort((a, b) => (bounds.get(b) ?? 0) - (bounds.get(a) ?? 0))[0];
}

function pathTo(
  end: string | undefined,
  steps: ReadonlyMap<string, { readonly step: PathStep; readonly from: string }>,
): PathStep[] {
  const path: PathStep[] = [];
  for (let at = steps.get(end ?? ''); at !== undefined; at = steps.get(at.from))
    if (Math.abs(at.step.gain - 1) > SAME) path.unshift(at.step);
  return path;
}

/** The nodes that a tensor is computed from, in topological order. */
export function ancestorsOf({ nodes }: Graph, tensor: string): GraphNode[] {
  const needed = new Set([tensor]);
  const found: GraphNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) if (name !== '') needed.add(name);
    found.unshift(node);
  }
  return found;
}
