import { type Graph, producersByTensor } from '../../model/graph/graph.ts';
import type { Model } from '../../model/model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { regionText } from './hazard.ts';
import { findProxyTensor } from './proxy-tensors.ts';
import type { HazardTarget, NumericalSite, SiteContext } from './site.ts';
import { classifySite } from './site-kinds.ts';

/** Finds the numerical sites of a model, in topological order. */
export function findNumericalSites(model: Pick<Model, 'graph' | 'constant'>): NumericalSite[] {
  const known = new Map<string, boolean>();
  const holdsInfinity = (name: string): boolean => {
    let holds = known.get(name);
    if (holds === undefined) {
      const tensor = model.constant(name);
      holds = false;
      for (let i = 0; tensor !== undefined && i < tensor.data.length && !holds; i++)
        holds = !Number.isFinite(readNumber(tensor.type, tensor.data, i));
      known.set(name, holds);
    }
    return holds;
  };
  return findSitesInGraph(model.graph, holdsInfinity);
}

function findSitesInGraph(graph: Graph, holdsInfinity: SiteContext['holdsInfinity']): NumericalSite[] {
  const context = { graph, producers: producersByTensor(graph), holdsInfinity };
  return graph.nodes.flatMap((node): NumericalSite[] => {
    const found = classifySite(node, context);
    if (found === undefined) return [];
    const targets = found.aims.map((target) => withProxy(context, target));
    const { name, op, inputs } = node;
    const region = targets.map(({ tensor, hazard }) => regionText(tensor, hazard)).join(' or ');
    const tensors = [...new Set(inputs.filter((input) => input !== ''))];
    return [{ name, op, kind: found.kind.name, tensors, region, targets }];
  });
}

function withProxy({ graph, producers }: SiteContext, target: HazardTarget): HazardTarget {
  const proxy = target.proxy ?? findProxyTensor(graph, producers, target.tensor, target.hazard);
  return proxy === undefined ? target : { ...target, proxy };
}
