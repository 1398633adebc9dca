import type { Graph } from '../model/graph/graph.ts';
import { producersByTensor } from '../model/graph/graph.ts';

/** Operations that change neither sign nor size of a value. */
const PASS_THROUGH: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'Squeeze', 'Flatten', 'Cast']);

/** Value above which a discriminator calls a sample real: half where it gives shares, by a sigmoid, and 0 where it gives logits. */
export function realThreshold(graph: Graph, output: string): number {
  const producers = producersByTensor(graph);
  let node = producers.get(output);
  while (node !== undefined && PASS_THROUGH.has(node.op)) node = producers.get(node.inputs[0]);
  return node?.op === 'Sigmoid' ? 0.5 : 0;
}

/** Share of the values above a threshold in each run of so many. */
export function sharesAbove(values: ArrayLike<number>, threshold: number, run: number): number[] {
  return Array.from({ length: values.length / run }, (_, group) => {
    let count = 0;
    for (let i = group * run; i < (group + 1) * run; i++) if (values[i] > threshold) count++;
    return count / run;
  });
}
