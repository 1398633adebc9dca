import type { GraphNode } from '../../model/graph/graph.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';
import { MASK_PASSING_OPS } from '../../model/graph/masks.ts';
import { above, below, type ProxyTensor } from './hazard.ts';
import { findProducer, isSum } from './patterns.ts';
import { findProxyTensor } from './proxy-tensors.ts';
import { constantValuesOf, floatLimitsOf, isConstant, type SiteContext } from './site.ts';

/** Limit on the operations that are followed back. */
const MAX_HOPS = 6;

/** Whether a tensor is computed from a mask: a constant with infinities, or a logarithm. */
export function isMasked(tensor: string, context: SiteContext, hops: number): boolean {
  if (isConstant(context, tensor)) return context.holdsInfinity(tensor);
  const node = findProducer(tensor, context);
  if (node === undefined || hops > MAX_HOPS) return false;
  if (node.op === 'Log') return true;
  return MASK_PASSING_OPS.has(node.op) && node.inputs.some((name) => isMasked(name, context, hops + 1));
}

/** Proxy at the comparison that decides which elements are masked: shows how far each is from being masked. */
export function findMaskProxy(
  tensor: string,
  context: SiteContext,
  hops: number,
): { readonly proxy?: ProxyTensor } {
  const node = findProducer(tensor, context);
  if (node === undefined || hops > MAX_HOPS) return {};
  if (node.op === 'Where' || node.op === 'SelectV2') {
    const [condition, whenTrue, whenFalse] = node.inputs;
    const [masksTrue, masksFalse] = [whenTrue, whenFalse].map(
      (name) => isConstant(context, name) && context.holdsInfinity(name),
    );
    if (masksTrue === masksFalse) return {};
    const proxy = findComparisonProxy(condition, masksTrue, context);
    return proxy === undefined ? {} : { proxy };
  }
  if (node.op !== 'Add' && node.op !== 'AddV2') return {};
  for (const input of node.inputs) {
    const found = findMaskProxy(input, context, hops + 1);
    if (found.proxy !== undefined) return found;
  }
  return {};
}

/** The tensor that is compared with a constant, with the region in which the comparison has the wanted result. */
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

/** The operation that computes a tensor's values, behind operations that keep values and order. */
function findProducerBeforeLayout(tensor: string, context: SiteContext): GraphNode | undefined {
  let node = findProducer(tensor, context);
  while (node !== undefined && LAYOUT_OP_SET.has(node.op)) node = findProducer(node.inputs[0], context);
  return node;
}

/** Proxy before a Relu: if all units of the layer are dead, their values are equal. */
export function findDeadUnitsProxy(tensor: string, context: SiteContext): ProxyTensor | undefined {
  const node = findProducerBeforeLayout(tensor, context);
  if (node?.op !== 'Relu' || isConstant(context, node.inputs[0])) return undefined;
  const [before] = node.inputs;
  return { tensor: before, hazard: { kind: 'all', each: below(0, floatLimitsOf(context, before)) } };
}

/** Proxy at the comparison whose results a sum counts: the count is zero if all are false. */
export function findCountProxy(tensor: string, context: SiteContext): { readonly proxy?: ProxyTensor } {
  const sum = findProducerBeforeLayout(tensor, context);
  if (!isSum(sum)) return {};
  const proxy = findComparisonProxy(sum.inputs[0], false, context);
  return proxy === undefined
    ? {}
    : { proxy: { tensor: proxy.tensor, hazard: { kind: 'all', each: proxy.hazard } } };
}
