import { ANY, hull, type Interval } from '../../src/analysis/numerical-sites/interval.ts';
import { nodeIntervals } from '../../src/analysis/numerical-sites/interval-analysis.ts';
import { searchableGraph } from '../../src/model/graph/graph.ts';
import type { Model } from '../../src/model/model.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/**
 * The interval of each tensor of a graph.
 *
 * @param inputs intervals of the model's inputs; any number for those that are missing
 */
export function propagateIntervals(
  model: Pick<Model, 'graph' | 'constant'>,
  inputs: ReadonlyMap<string, Interval>,
): ReadonlyMap<string, Interval> {
  const graph = searchableGraph(model.graph);
  const constant = (name: string): Tensor | undefined => model.constant(name);
  const known = new Map(inputs);
  const intervalOf = (name: string): Interval => {
    let interval = known.get(name);
    if (interval === undefined) {
      interval = graph.constants.has(name) ? hull(constant(name)) : ANY;
      known.set(name, interval);
    }
    return interval;
  };
  for (const node of graph.nodes) {
    const intervals = nodeIntervals(node, { graph, intervalOf, constant });
    node.outputs.forEach((output, i) => {
      known.set(output, intervals[i]);
    });
  }
  return known;
}
