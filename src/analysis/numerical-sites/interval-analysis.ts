import { addsUp } from '../../model/formats/onnx/half/partial-sums.ts';
import { type Graph, type GraphNode, searchableGraph } from '../../model/graph/graph.ts';
import type { Model } from '../../model/model.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Hazard } from './hazard.ts';
import { ANY, anyIfNaN, flushed, hull, type Interval, roundToType, union } from './interval.ts';
import type { RuleInput } from './interval-rule.ts';
import { EXACT_OPS, INTERVAL_RULES } from './interval-rules.ts';

/**
 * Interval arithmetic through a graph (Moore, Kearfott & Cloud, Introduction to Interval Analysis, 2009, chapters 2
 * and 5; for neural networks Gehr et al., AI², 2018): for each tensor an interval that contains all its values for all
 * inputs within theirs, rounded outward. Unknown operations give any number, so the result is sound. NaNs are left out,
 * since they come from an operation that has failed already.
 *
 * @param inputs intervals of the model's inputs; any number for those that are missing
 */
export function propagateIntervals(
  model: Pick<Model, 'graph' | 'constant'>,
  inputs: ReadonlyMap<string, Interval>,
): ReadonlyMap<string, Interval> {
  const graph = searchableGraph(model.graph);
  const constant = (name: string): Tensor | undefined => model.constant(name);
  const known = new Map(inputs);
  const intervalOf = (name: string): Interval => {
    let interval = known.get(name);
    if (interval === undefined) {
      interval = graph.constants.has(name) ? hull(constant(name)) : ANY;
      known.set(name, interval);
    }
    return interval;
  };
  for (const node of graph.nodes) {
    const intervals = nodeIntervals(node, { graph, intervalOf, constant });
    node.outputs.forEach((output, i) => {
      known.set(output, intervals[i]);
    });
  }
  return known;
}

/** What the interval of a node's results is computed from. */
export interface IntervalContext extends Pick<RuleInput, 'intervalOf' | 'constant'> {
  readonly graph: Graph;
}

/** The interval of each of a node's results, rounded outward. */
export function nodeIntervals(node: GraphNode, { graph, intervalOf, constant }: IntervalContext): Interval[] {
  const isExact = EXACT_OPS.has(node.op);
  const operandOf = (name: string): Interval =>
    isExact ? intervalOf(name) : flushed(intervalOf(name), graph.types.get(name));
  const rule = hasRoundedSums(graph, node) ? undefined : INTERVAL_RULES[node.op];
  const result = anyIfNaN(
    rule?.({
      node,
      inputIntervals: node.inputs.filter((name) => name !== '').map(operandOf),
      intervalOf: operandOf,
      constant,
      isConstant: (name) => graph.constants.has(name),
    }),
  );
  return node.outputs.map((output, i) => {
    // Further outputs are indices and masks, except for Split.
    const interval =
      branchResults(node, i)
        ?.map(intervalOf)
        .reduce((a, b) => union(a, b)) ?? (i === 0 || node.op === 'Split' ? result : ANY);
    const type = graph.rounding?.bfloat16.has(output) ? 'bfloat16' : graph.types.get(output);
    return roundToType(interval, type ?? 'float32', isExact);
  });
}

/** Whether an operation's partial sums are rounded to half precision: they may overflow, or stand still below the sum. */
function hasRoundedSums({ rounding, types }: Graph, { op, outputs: [output] }: GraphNode): boolean {
  if (rounding === undefined || !rounding.partialSums || !addsUp(op)) return false;
  return types.get(output) === 'float16' || rounding.bfloat16.has(output);
}

/** The results of branches that an output comes from; undefined unless all are known. */
function branchResults({ op, subgraphs = [] }: GraphNode, output: number): string[] | undefined {
  if (op !== 'If' || subgraphs.length !== 2) return undefined;
  return subgraphs.map(({ outputs }) => outputs[output]);
}

/** Whether an interval overlaps an unsafe region; true if that cannot be decided. */
export function reachesHazard({ low, high }: Interval, hazard: Hazard): boolean {
  switch (hazard.kind) {
    case 'below':
      return hazard.strict === true ? low < hazard.bound : low <= hazard.bound;
    case 'above':
      return hazard.strict === true ? high > hazard.bound : high >= hazard.bound;
    case 'at':
      return low <= hazard.bound && high >= hazard.bound;
    case 'pole':
      return !(Math.floor(low / Math.PI - 0.5) === Math.floor(high / Math.PI - 0.5) && high - low < Math.PI);
    case 'masked':
      return low === Number.NEGATIVE_INFINITY;
    default:
      return true;
  }
}
