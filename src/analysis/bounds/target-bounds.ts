import type { GraphNode } from '../../model/graph/graph.ts';
import { DTYPES, type DType } from '../../tensor/tensor.ts';
import type { Hazard } from '../numerical-sites/hazard.ts';
import { flushed, type Interval } from '../numerical-sites/interval.ts';
import { nodeIntervals, reachesHazard } from '../numerical-sites/interval-analysis.ts';
import type { HazardTarget, NumericalSite } from '../numerical-sites/site.ts';
import type { BoundPropagation } from './bound-propagation.ts';
import type { ElementBounds } from './element-bounds.ts';
import { evaluateElementwise, isElementwise } from './elementwise-rules.ts';

/**
 * Operations whose result overflows for some operands outside the unsafe region, as 1 / x does for a tiny x and a sum of squares
 * for many operands.
 */
const OVERFLOWING_OPS: ReadonlySet<string> = new Set([
  'Div',
  'RealDiv',
  'Reciprocal',
  'Inv',
  'Pow',
  'ReduceSumSquare',
  'ReduceL2',
]);

/** The elements of a tensor that can be in the unsafe region. */
export function reachingElements(bounds: ElementBounds, hazard: Hazard, type: DType | undefined): number[] {
  const elements: number[] = [];
  for (let i = 0; i < bounds.low.length; i++)
    if (reachesHazard(flushed({ low: bounds.low[i], high: bounds.high[i] }, type), hazard)) elements.push(i);
  return elements;
}

/** Whether a target is in its unsafe region for some inputs, as far as bounds tell, or the operation's result overflows. */
export function isReachable(
  { op, name }: NumericalSite,
  { tensor, hazard }: HazardTarget,
  propagation: BoundPropagation,
): boolean {
  const type = propagation.graph.types.get(tensor);
  const bounds = propagation.boundsOf(tensor);
  const reaches =
    bounds === undefined
      ? reachesHazard(flushed(propagation.intervalOf(tensor), type), hazard)
      : reachingElements(bounds, hazard, type).length > 0;
  if (reaches || !OVERFLOWING_OPS.has(op)) return reaches;
  const node = propagation.graph.nodes.find((candidate) => candidate.name === name && candidate.op === op);
  return node !== undefined && mayOverflow(node, propagation);
}

/** Whether an operation may give an infinity for finite operands within their bounds. */
function mayOverflow(node: GraphNode, propagation: BoundPropagation): boolean {
  const { graph } = propagation;
  const context = propagation.contextOf(node);
  const type = graph.types.get(node.outputs[0]);
  const known = propagation.boundsOf(node.outputs[0]);
  if (known !== undefined && areFinite(known)) return false;
  const mostOf = (name: string): number => DTYPES[graph.types.get(name) ?? 'float32'].max;
  const names = node.inputs.filter((name) => name !== '');
  const operands = names.map((name) => propagation.boundsOf(name));
  const bounds = operands.filter((operand) => operand !== undefined);
  if (type !== undefined && bounds.length === operands.length && isElementwise(node, context.format)) {
    const finite = bounds.map((operand, i) => withinFinite(operand, mostOf(names[i])));
    const result = evaluateElementwise(context, finite, type);
    if (result !== undefined) return !areFinite(result);
  }
  const [{ low, high }] = nodeIntervals(node, {
    graph,
    intervalOf: (name) => finiteInterval(propagation.intervalOf(name), mostOf(name)),
    constant: context.constant,
  });
  return !Number.isFinite(low) || !Number.isFinite(high);
}

function areFinite({ low, high }: ElementBounds): boolean {
  return low.every(Number.isFinite) && high.every(Number.isFinite);
}

function finiteInterval({ low, high }: Interval, most: number): Interval {
  return { low: Math.max(low, -most), high: Math.min(high, most) };
}

function withinFinite(bounds: ElementBounds, most: number): ElementBounds {
  return {
    ...bounds,
    low: bounds.low.map((low) => Math.max(low, -most)),
    high: bounds.high.map((high) => Math.min(high, most)),
  };
}
