import type { BatchResult } from '../../model/batched-model.ts';
import type { CoverageCriterionSettings, CriterionImplementation, CriterionLayer } from '../criterion.ts';
import { DEFAULT_LAYOUT, type NeuronLayer, type NeuronValues, neuronReader } from '../neurons.ts';

/** What a criterion over neurons has to say. */
export interface NeuronObservation {
  /** Elements that one neuron may have. */
  readonly elementsPerNeuron: number;
  /** Called once for each run, before its layers. */
  readonly check?: (run: NeuronValues) => void;
  /**
   * Writes the elements of one layer in one row into `observation`, which is 0 there, at the same positions.
   *
   * @param offset position of the layer's first neuron in `values` and in `observation`
   */
  observeLayer(values: Float32Array, offset: number, layer: NeuronLayer, observation: Float32Array): void;
}

/** A criterion whose observation has a number for each neuron: 0, or the element that it covers. */
export function observingNeurons(
  { layout = DEFAULT_LAYOUT }: CoverageCriterionSettings,
  { elementsPerNeuron, check, observeLayer }: NeuronObservation,
): CriterionImplementation {
  let layers: readonly CriterionLayer[] = [];
  const read = neuronReader(layout);
  return {
    observe(result: BatchResult) {
      const run = read(result);
      check?.(run);
      const observation = new Float32Array(run.rows * run.width);
      for (let row = 0; row < run.rows; row++)
        for (const layer of run.layers)
          observeLayer(run.values, row * run.width + layer.from, layer, observation);
      if (layers.length === 0)
        layers = run.layers.map((layer) => ({ ...layer, elements: layer.count * elementsPerNeuron }));
      return observation;
    },
    layers: () => layers,
  };
}
