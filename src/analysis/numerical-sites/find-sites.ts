import { producersByTensor } from '../../model/graph/graph.ts';
import type { Model } from '../../model/model.ts';
import { nonfiniteConstantTest } from '../nonfinite-constants.ts';
import { regionText } from './hazard.ts';
import { findProxyTensor } from './proxy-tensors.ts';
import type { HazardTarget, NumericalSite, SiteContext } from './site.ts';
import { classifySite } from './site-kinds.ts';

/** The numerical sites of a model, in topological order. Bodies of control-flow operators are not searched. */
export function findNumericalSites(model: Pick<Model, 'graph' | 'constant'>): NumericalSite[] {
  const context: SiteContext = {
    graph: model.graph,
    producers: producersByTensor(model.graph),
    holdsInfinity: nonfiniteConstantTest(model),
  };
  return model.graph.nodes.flatMap((node): NumericalSite[] => {
    const classified = classifySite(node, context);
    if (classified === undefined) return [];
    const targets = classified.targets.map((target) => withProxy(context, target));
    const { name, op, inputs } = node;
    const region = targets.map(({ tensor, hazard }) => regionText(tensor, hazard)).join(' or ');
    const tensors = [...new Set(inputs.filter((input) => input !== ''))];
    return [{ name, op, kind: classified.kind.name, tensors, region, targets }];
  });
}

function withProxy({ graph, producers }: SiteContext, target: HazardTarget): HazardTarget {
  const proxy = target.proxy ?? findProxyTensor(graph, producers, target.tensor, target.hazard);
  return proxy === undefined ? target : { ...target, proxy };
}
