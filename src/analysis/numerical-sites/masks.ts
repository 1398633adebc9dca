import type { GraphNode } from '../../model/graph/graph.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';
import { above, below } from './hazard.ts';
import { findProducer, isSum } from './patterns.ts';
import { findProxyTensor, type ProxyTensor } from './proxy-tensors.ts';
import { constantValuesOf, floatLimitsOf, isConstant, type SiteContext } from './site.ts';

/** Whether a mask of infinities goes into a tensor. */
export function isMasked(tensor: string, context: SiteContext, hops: number): boolean {
  if (isConstant(context, tensor)) return context.holdsInfinity(tensor);
  const node = findProducer(tensor, context);
  if (node === undefined || hops > 6) return false;
  const passes = [
    'Add',
    'AddV2',
    'Sub',
    'Where',
    'SelectV2',
    'Mul',
    'Log',
    'Reshape',
    'Unsqueeze',
    'Expand',
    'Transpose',
  ];
  if (node.op === 'Log') return true;
  return passes.includes(node.op) && node.inputs.some((name) => isMasked(name, context, hops + 1));
}

/** The comparison that decides what is masked, so that the search sees how far each element is from that. */
export function findMaskProxy(
  tensor: string,
  context: SiteContext,
  hops: number,
): { readonly proxy?: ProxyTensor } {
  const node = findProducer(tensor, context);
  if (node === undefined || hops > 6) return {};
  if (node.op === 'Where' || node.op === 'SelectV2') {
    const [condition, whenTrue, whenFalse] = node.inputs;
    const masks = [whenTrue, whenFalse].map(
      (name) => isConstant(context, name) && context.holdsInfinity(name),
    );
    if (masks[0] === masks[1]) return {};
    const proxy = findComparisonProxy(condition, masks[0], context);
    return proxy === undefined ? {} : { proxy };
  }
  if (node.op !== 'Add' && node.op !== 'AddV2') return {};
  for (const input of node.inputs) {
    const found = findMaskProxy(input, context, hops + 1);
    if (found.proxy !== undefined) return found;
  }
  return {};
}

/** What is compared with a constant, and where it must come to for the comparison to be true, or false. */
function findComparisonProxy(tensor: string, wanted: boolean, context: SiteContext): ProxyTensor | undefined {
  const node = findProducer(tensor, context);
  if (node === undefined) return undefined;
  if (node.op === 'Not' || node.op === 'LogicalNot')
    return findComparisonProxy(node.inputs[0], !wanted, context);
  const isGreater = node.op === 'Greater' || node.op === 'GreaterOrEqual' || node.op === 'GreaterEqual';
  const isLess = node.op === 'Less' || node.op === 'LessOrEqual' || node.op === 'LessEqual';
  const [left, right] = node.inputs;
  const bound = constantValuesOf(context, right);
  if (!(isGreater || isLess) || bound?.length !== 1 || isConstant(context, left)) return undefined;
  const limits = floatLimitsOf(context, left);
  const hazard = isGreater === wanted ? above(bound[0], limits) : below(bound[0], limits);
  return findProxyTensor(context.graph, context.producers, left, hazard) ?? { tensor: left, hazard };
}

const LAYOUT_OP_SET: ReadonlySet<string> = new Set(LAYOUT_OPS);

/** The node behind a tensor, past those that change neither values nor their order. */
function findProducerBeforeLayout(tensor: string, context: SiteContext): GraphNode | undefined {
  let node = findProducer(tensor, context);
  while (node !== undefined && LAYOUT_OP_SET.has(node.op)) node = findProducer(node.inputs[0], context);
  return node;
}

/** What the units of a layer are made from by a Relu: all of them dead is a way for them to be the same. */
export function findDeadUnitsProxy(tensor: string, context: SiteContext): ProxyTensor | undefined {
  const node = findProducerBeforeLayout(tensor, context);
  if (node?.op !== 'Relu' || isConstant(context, node.inputs[0])) return undefined;
  const [before] = node.inputs;
  return { tensor: before, hazard: { kind: 'all', each: below(0, floatLimitsOf(context, before)) } };
}

/** What a count counts: it comes to zero when every comparison does. */
export function findCountProxy(tensor: string, context: SiteContext): { readonly proxy?: ProxyTensor } {
  const sum = findProducerBeforeLayout(tensor, context);
  if (!isSum(sum)) return {};
  const proxy = findComparisonProxy(sum.inputs[0], false, context);
  return proxy === undefined
    ? {}
    : { proxy: { tensor: proxy.tensor, hazard: { kind: 'all', each: proxy.hazard } } };
}
