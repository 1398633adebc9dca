import type { GraphNode } from '../../model/graph/graph.ts';
import { limitsOf, type SumHazard, type SumTerm, spacing } from './hazard.ts';
import { constantValuesOf, type HazardTarget, numericAttribute, type SiteContext } from './site.ts';
import { overflowTargets } from './site-targets.ts';

const HALF = limitsOf('float16');

/** A target at the partial sums of a tensor in half precision. */
function sumTarget(tensor: string, term: SumTerm, over: SumHazard['over']): HazardTarget {
  return {
    tensor,
    hazard: { kind: 'sum', term, over, bound: HALF.max, unit: spacing(HALF.max, HALF) },
  };
}

/** What operations add up that reduce a tensor along axes. */
const REDUCED_TERMS: Readonly<Record<string, SumTerm>> = {
  ReduceSum: 'value',
  ReduceMean: 'value',
  Sum: 'value',
  Mean: 'value',
  ReduceL1: 'magnitude',
  ReduceL2: 'square',
  ReduceSumSquare: 'square',
};

/** Operations that normalise by the mean of squares. */
const ROOT_MEAN_SQUARE_OPS: ReadonlySet<string> = new Set([
  'SimplifiedLayerNormalization',
  'RMSNormalization',
]);

/** Whether an operation adds up halves, or gives one. */
function isHalf({ outputs }: GraphNode, { graph }: SiteContext): boolean {
  return graph.types.get(outputs[0]) === 'float16';
}

/**
 * Targets of an operation that adds up halves: its partial sums where these are of a tensor that can be watched, and what
 * comes of it may be far smaller; else its result.
 */
export function halfSumTargets(node: GraphNode, context: SiteContext): readonly HazardTarget[] {
  if (!isHalf(node, context)) return [];
  const { op, inputs } = node;
  const [tensor] = inputs;
  // Its fourth result, where the graph asks for it, is the sum that it normalises.
  const [, , , skipped = ''] = node.outputs;
  const term = Object.hasOwn(REDUCED_TERMS, op) ? REDUCED_TERMS[op] : undefined;
  if (term !== undefined) return [sumTarget(tensor, term, reducedAxes(node, context))];
  if (op === 'GlobalAveragePool') return [sumTarget(tensor, 'value', { from: 2 })];
  if (op === 'Softmax') return softmaxTargets(node, context);
  const from = { from: numericAttribute(node, 'axis') ?? -1 };
  if (ROOT_MEAN_SQUARE_OPS.has(op)) return [sumTarget(tensor, 'square', from)];
  if (op === 'InstanceNormalization') return normalisedSums(tensor, { from: 2 });
  if (op === 'LayerNormalization') return normalisedSums(tensor, from);
  if (op === 'SkipLayerNormalization' && skipped !== '') return normalisedSums(skipped, { from: -1 });
  return overflowTargets(node, context);
}

function normalisedSums(tensor: string, over: SumHazard['over']): HazardTarget[] {
  return [sumTarget(tensor, 'value', over), sumTarget(tensor, 'deviation', over)];
}

/** The axes that a node sums over: an attribute or a constant operand; all of a row where neither tells. */
function reducedAxes(node: GraphNode, context: SiteContext): SumHazard['over'] {
  const given = node.attributes?.axes ?? node.attributes?.axis ?? constantValuesOf(context, node.inputs[1]);
  if (typeof given === 'number') return { axes: [given] };
  return typeof given === 'object' && given.length > 0 ? { axes: given } : { from: 1 };
}

/** A softmax adds up at most one for each element: only so many of them come to the bound. */
function softmaxTargets(node: GraphNode, { graph }: SiteContext): HazardTarget[] {
  const [tensor] = node.inputs;
  const axis = numericAttribute(node, 'axis') ?? -1;
  const length = graph.shapes.get(tensor)?.at(axis);
  return typeof length === 'number' && length > HALF.max
    ? [sumTarget(tensor, 'exponential', { axes: [axis] })]
    : [];
}
