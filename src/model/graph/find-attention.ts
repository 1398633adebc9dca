import { findContractedTensors } from './find-logits.ts';
import { producersByTensor } from './graph.ts';
import { findInputDependentTensors } from './input-dependence.ts';
import type { WatchableGraph } from './output-layers.ts';

/** Axes of attention weights without a batch: queries and keys, behind heads or not. */
const LEAST_RANK = 3;

/**
 * The attention weights of a model: results of softmaxes that are multiplied with another computed tensor, `[batch, queries, keys]` or with
 * heads. In topological order. Fused attention operations do not show theirs.
 */
export function findAttention({ graph, watchable }: WatchableGraph): string[] {
  const producers = producersByTensor(graph);
  const dependent = findInputDependentTensors(graph);
  const contracted = findContractedTensors(graph, dependent, producers);
  const shown = new Set(watchable);
  // Exports replace what is not a number, where all keys are masked, before the product.
  const guarded = new Set(
    graph.nodes
      .filter(({ op, outputs }) => op === 'Where' && contracted.has(outputs[0]))
      .flatMap(({ inputs }) => inputs.slice(1)),
  );
  return graph.nodes
    .filter(({ op }) => op === 'Softmax')
    .flatMap(({ outputs }) => outputs.slice(0, 1))
    .filter((name) => {
      const rank = graph.shapes.get(name)?.length;
      const isWeighing = contracted.has(name) || guarded.has(name);
      return shown.has(name) && isWeighing && (rank === undefined || rank >= LEAST_RANK);
    });
}
