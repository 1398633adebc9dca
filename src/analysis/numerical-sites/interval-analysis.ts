import { addsUp } from '../../model/formats/onnx/half/partial-sums.ts';
import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import type { Hazard } from './hazard.ts';
import { ANY, anyIfNaN, flushed, type Interval, roundToType, union } from './interval.ts';
import type { RuleInput } from './interval-rule.ts';
import { EXACT_OPS, INTERVAL_RULES } from './interval-rules.ts';

/** What the interval of a node's results is computed from. */
export interface IntervalContext extends Pick<RuleInput, 'intervalOf' | 'constant'> {
  readonly graph: Graph;
}

/**
 * Interval arithmetic (Moore, Kearfott & Cloud, Introduction to Interval Analysis, 2009, chapters 2 and 5; for neural networks Gehr
 * et al., AI², 2018): for each of a node's results an interval that contains all its values for all operands within theirs, rounded
 * outward. Unknown operations give any number, so the result is sound. NaNs are left out, since they come from an operation that
 * has failed already.
 */
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
