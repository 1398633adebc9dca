import type { GraphNode } from '../../model/graph/graph.ts';
import { constantValuesOf, type SiteContext } from './site.ts';

/** Whether a node is a sum along axes. */
export function isSum(node: GraphNode | undefined): node is GraphNode {
  return node?.op === 'ReduceSum' || node?.op === 'Sum';
}

const IDENTITY_OPS = new Set(['Identity', 'Cast', 'Dropout']);

/** The operation that computes a tensor, behind operations that change nothing. */
export function findProducer(tensor: string, { producers }: SiteContext): GraphNode | undefined {
  let node = producers.get(tensor);
  while (node !== undefined && IDENTITY_OPS.has(node.op)) node = producers.get(node.inputs[0]);
  return node;
}

/** Whether an exponential is part of log(1 + exp(x)). */
export function isSoftplus({ outputs: [exponential] }: GraphNode, context: SiteContext): boolean {
  const { nodes } = context.graph;
  const readers = (tensor: string): GraphNode[] => nodes.filter(({ inputs }) => inputs.includes(tensor));
  return readers(exponential).some((reader) => {
    if (reader.op === 'Log1p') return true;
    const addsOne =
      (reader.op === 'Add' || reader.op === 'AddV2') &&
      reader.inputs.some((name) => constantValuesOf(context, name)?.every((value) => value === 1));
    return addsOne && readers(reader.outputs[0]).some(({ op }) => op === 'Log');
  });
}

const MEAN_OPS = new Set(['ReduceMean', 'Mean', 'GlobalAveragePool', 'AveragePool']);

/** Whether a tensor is computed from mean(x²) − mean(x)², with or without an epsilon. */
export function isDifferenceOfMoments(
  tensor: string | undefined,
  context: SiteContext,
  hops: number,
): boolean {
  const node = tensor === undefined ? undefined : findProducer(tensor, context);
  if (node === undefined || hops > 4) return false;
  if (node.op === 'Sub') {
    const [squares, square] = node.inputs.map((name) => findProducer(name, context));
    return squares !== undefined && MEAN_OPS.has(squares.op) && isSquareOfMean(square, context);
  }
  const passes = ['Add', 'AddV2', 'Sqrt', 'Mul', 'Relu', 'Max', 'Maximum'].includes(node.op);
  return passes && node.inputs.some((name) => isDifferenceOfMoments(name, context, hops + 1));
}

function isSquareOfMean(node: GraphNode | undefined, context: SiteContext): boolean {
  if (node === undefined) return false;
  const isSquare =
    node.op === 'Square' || node.op === 'Pow' || (node.op === 'Mul' && node.inputs[0] === node.inputs[1]);
  return isSquare && MEAN_OPS.has(findProducer(node.inputs[0], context)?.op ?? '');
}

/** Whether a tensor is a norm: a ReduceL1 or ReduceL2, or the root of a sum. */
export function isNorm(tensor: string | undefined, context: SiteContext): boolean {
  const node = tensor === undefined ? undefined : findProducer(tensor, context);
  if (node?.op === 'ReduceL2' || node?.op === 'ReduceL1') return true;
  if (node?.op === 'Expand' || node?.op === 'Reshape') return isNorm(node.inputs[0], context);
  return (
    node?.op === 'Sqrt' &&
    ['ReduceSum', 'Sum', 'ReduceSumSquare'].includes(findProducer(node.inputs[0], context)?.op ?? '')
  );
}
