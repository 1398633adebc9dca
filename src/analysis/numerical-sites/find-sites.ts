import { type Graph, producers } from '../../model/graph/graph.ts';
import type { Model } from '../../model/model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { regionText } from './hazard.ts';
import { lookThrough } from './proxy-tensors.ts';
import type { Aim, Site, SiteContext } from './site.ts';
import { kindOf } from './site-kinds.ts';

/** Finds the numerical sites of a model, in topological order. */
export function sitesOf(model: Pick<Model, 'graph' | 'constant'>): Site[] {
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
  return findSites(model.graph, holdsInfinity);
}

function findSites(graph: Graph, holdsInfinity: SiteContext['holdsInfinity']): Site[] {
  const context = { graph, made: producers(graph), holdsInfinity };
  return graph.nodes.flatMap((node): Site[] => {
    const found = kindOf(node, context);
    if (found === undefined) return [];
    const aims = found.aims.map((aim) => guided(context, aim));
    const { name, op, inputs } = node;
    const region = aims.map(({ tensor, hazard }) => regionText(tensor, hazard)).join(' or ');
    const tensors = [...new Set(inputs.filter((input) => input !== ''))];
    return [{ name, op, kind: found.kind.name, tensors, region, aims }];
  });
}

function guided({ graph, made }: SiteContext, aim: Aim): Aim {
  const guide = aim.guide ?? lookThrough(graph, made, aim.tensor, aim.hazard);
  return guide === undefined ? aim : { ...aim, guide };
}
