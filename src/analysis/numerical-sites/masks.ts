import type { GraphNode } from '../../model/graph/graph.ts';
import { KEEPING } from '../../model/graph/layout-ops.ts';
import { above, below } from './hazard.ts';
import { behind, isSum } from './patterns.ts';
import { type Guide, lookThrough } from './proxy-tensors.ts';
import { isConstant, limitsAt, type SiteContext, valuesAt } from './site.ts';

/** Whether a mask of infinities goes into a tensor. */
export function isMasked(tensor: string, context: SiteContext, hops: number): boolean {
  if (isConstant(context, tensor)) return context.holdsInfinity(tensor);
  const node = behind(tensor, context);
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
export function maskGuide(tensor: string, context: SiteContext, hops: number): { readonly guide?: Guide } {
  const node = behind(tensor, context);
  if (node === undefined || hops > 6) return {};
  if (node.op === 'Where' || node.op === 'SelectV2') {
    const [condition, whenTrue, whenFalse] = node.inputs;
    const masks = [whenTrue, whenFalse].map(
      (name) => isConstant(context, name) && context.holdsInfinity(name),
    );
    if (masks[0] === masks[1]) return {};
    const guide = comparison(condition, masks[0], context);
    return guide === undefined ? {} : { guide };
  }
  if (node.op !== 'Add' && node.op !== 'AddV2') return {};
  for (const input of node.inputs) {
    const found = maskGuide(input, context, hops + 1);
    if (found.guide !== undefined) return found;
  }
  return {};
}

/** What is compared with a constant, and where it must come to for the comparison to be true, or false. */
function comparison(tensor: string, wanted: boolean, context: SiteContext): Guide | undefined {
  const node = behind(tensor, context);
  if (node === undefined) return undefined;
  if (node.op === 'Not' || node.op === 'LogicalNot') return comparison(node.inputs[0], !wanted, context);
  const isGreater = node.op === 'Greater' || node.op === 'GreaterOrEqual' || node.op === 'GreaterEqual';
  const isLess = node.op === 'Less' || node.op === 'LessOrEqual' || node.op === 'LessEqual';
  const [left, right] = node.inputs;
  const bound = valuesAt(context, right);
  if (!(isGreater || isLess) || bound?.length !== 1 || isConstant(context, left)) return undefined;
  const limits = limitsAt(context, left);
  const hazard = isGreater === wanted ? above(bound[0], limits) : below(bound[0], limits);
  return lookThrough(context.graph, context.made, left, hazard) ?? { tensor: left, hazard };
}

const ARRANGING: ReadonlySet<string> = new Set(KEEPING);

/** The node behind a tensor, past those that change neither values nor their order. */
function arranged(tensor: string, context: SiteContext): GraphNode | undefined {
  let node = behind(tensor, context);
  while (node !== undefined && ARRANGING.has(node.op)) node = behind(node.inputs[0], context);
  return node;
}

/** What the units of a layer are made from by a Relu: all of them dead is a way for them to be the same. */
export function deadUnits(tensor: string, context: SiteContext): Guide | undefined {
  const node = arranged(tensor, context);
  if (node?.op !== 'Relu' || isConstant(context, node.inputs[0])) return undefined;
  const [before] = node.inputs;
  return { tensor: before, hazard: { kind: 'all', each: below(0, limitsAt(context, before)) } };
}

/** What a count counts: it comes to zero when every comparison does. */
export function countGuide(tensor: string, context: SiteContext): { readonly guide?: Guide } {
  const sum = arranged(tensor, context);
  if (!isSum(sum)) return {};
  const guide = comparison(sum.inputs[0], false, context);
  return guide === undefined
    ? {}
    : { guide: { tensor: guide.tensor, hazard: { kind: 'all', each: guide.hazard } } };
}
