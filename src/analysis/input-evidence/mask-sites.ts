import { producersByTensor, searchableGraph } from '../../model/graph/graph.ts';
import { COMPARING_OPS, MASK_PASSING_OPS } from '../../model/graph/masks.ts';
import type { Model } from '../../model/model.ts';
import { findNumericalSites } from '../numerical-sites/find-sites.ts';

/** Operations that make a mask out of masks, beside those that move, convert and combine its values. */
const MASK_MAKING_OPS: ReadonlySet<string> = new Set([
  ...MASK_PASSING_OPS,
  ...COMPARING_OPS,
  'Not',
  'LogicalNot',
  'And',
  'LogicalAnd',
  'Or',
  'LogicalOr',
  'Xor',
  'LogicalXor',
  'NotEqual',
  'Max',
  'Maximum',
  'GatherND',
  'GatherNd',
  'GatherElements',
]);

/**
 * The sites that fail where everything along an axis is masked, by the inputs whose values are part of that mask. Scores, which
 * other operations compute, are none of it.
 */
export function findMaskSites(
  model: Pick<Model, 'graph' | 'constant'>,
): ReadonlyMap<string, readonly string[]> {
  const sitesByInput = new Map<string, string[]>();
  const graph = searchableGraph(model.graph);
  const inputs = new Set(graph.inputs);
  const producers = producersByTensor(graph);
  for (const { name, targets } of findNumericalSites(model)) {
    const seen = new Set(targets.flatMap(({ tensor, hazard }) => (hazard.kind === 'masked' ? [tensor] : [])));
    for (const tensor of seen) {
      if (inputs.has(tensor)) sitesByInput.set(tensor, [...(sitesByInput.get(tensor) ?? []), name]);
      const producer = producers.get(tensor);
      if (producer === undefined || !MASK_MAKING_OPS.has(producer.op)) continue;
      for (const operand of producer.inputs) if (operand !== '') seen.add(operand);
    }
  }
  return sitesByInput;
}
