import {
  type BodyTensor,
  bodyTensorsOf,
  producersByTensor,
  searchableGraph,
} from '../../model/graph/graph.ts';
import {
  dependenciesOf,
  findInputDependencies,
  type InputDependencies,
} from '../../model/graph/input-dependencies.ts';
import type { Model } from '../../model/model.ts';
import { nonfiniteConstantTest } from '../nonfinite-constants.ts';
import { behindFurtherAxes, regionText } from './hazard.ts';
import { hull } from './interval.ts';
import { findProxyTensor } from './proxy-tensors.ts';
import { type HazardTarget, isInteger, type NumericalSite, type SiteContext } from './site.ts';
import { classifySite } from './site-kinds.ts';

/** The numerical sites of a model and of its bodies, in topological order. */
export function findNumericalSites(model: Pick<Model, 'graph' | 'constant'>): NumericalSite[] {
  const graph = searchableGraph(model.graph);
  const bodyTensors = bodyTensorsOf(model.graph);
  const context: SiteContext = {
    graph,
    producers: producersByTensor(graph),
    holdsInfinity: nonfiniteConstantTest(model),
    smallestValue: (name) => {
      const small = graph.values.get(name);
      if (small !== undefined && small.length > 0) return Math.min(...small);
      const tensor = model.constant(name);
      return tensor === undefined ? undefined : hull(tensor).low;
    },
  };
  const modelOutputs = new Set(model.graph.outputs);
  // What a body computes may have another shape in each iteration.
  const isInnerFloat = (tensor: string): boolean =>
    tensor !== '' && !modelOutputs.has(tensor) && !bodyTensors.has(tensor) && !isInteger(context, tensor);
  let dependencies: ReturnType<typeof findInputDependencies> | undefined;
  return graph.nodes.flatMap((node): NumericalSite[] => {
    const classified = classifySite(node, context);
    if (classified === undefined) return [];
    const targets = classified.targets.map((target) => asExposed(withProxy(context, target), bodyTensors));
    const { name, op, inputs, outputs, body } = node;
    const region = targets.map(({ tensor, hazard }) => regionText(tensor, hazard)).join(' or ');
    dependencies ??= findInputDependencies(model.graph);
    const sizesOf = findSizes(targets, dependencies);
    const tensors = [...new Set(inputs.filter((input) => input !== ''))];
    return [
      {
        name,
        op,
        kind: classified.kind.name,
        tensors,
        results: outputs.filter((output) => isInnerFloat(output)),
        region,
        ...(body === undefined ? {} : { body }),
        ...(sizesOf.length === 0 ? {} : { sizesOf }),
        targets,
      },
    ];
  });
}

/** The inputs on whose sizes all unsafe operands depend, where none depends on any input's values. */
function findSizes(
  targets: readonly HazardTarget[],
  dependencies: ReadonlyMap<string, InputDependencies>,
): string[] {
  const all = targets.map(({ tensor }) => dependenciesOf(dependencies, tensor));
  return all.some(({ values, sizes }) => values.size > 0 || sizes.size === 0)
    ? []
    : [...new Set(all.flatMap(({ sizes }) => [...sizes]))];
}

function withProxy({ graph, producers }: SiteContext, target: HazardTarget): HazardTarget {
  const proxy = target.proxy ?? findProxyTensor(graph, producers, target.tensor, target.hazard);
  return proxy === undefined ? target : { ...target, proxy };
}

/** A target with the axes that its tensors have where they are exposed out of bodies. */
function asExposed(target: HazardTarget, bodyTensors: ReadonlyMap<string, BodyTensor>): HazardTarget {
  const { tensor, hazard, proxy } = target;
  const loopsAround = (name: string): number => bodyTensors.get(name)?.loops ?? 0;
  if (!bodyTensors.has(tensor) && (proxy === undefined || !bodyTensors.has(proxy.tensor))) return target;
  return {
    tensor,
    hazard: behindFurtherAxes(hazard, loopsAround(tensor)),
    ...(proxy === undefined
      ? {}
      : {
          proxy: { ...proxy, hazard: behindFurtherAxes(proxy.hazard, loopsAround(proxy.tensor)) },
        }),
    isInBody: true,
  };
}
