import type { CoverageCriterionKind } from '../criterion.ts';
import { observingNeurons } from './neuron-observation.ts';

const THRESHOLD = {
  name: 'threshold',
  default: 0.5,
  help: 'scaled activation above which a neuron is covered; the paper uses 0, 0.25, 0.5 and 0.75',
  min: 0,
  max: 1,
} as const;

/**
 * Neuron coverage: an input covers a neuron where its activation, scaled from the least and the greatest of its layer to 0 and
 * 1, exceeds a threshold.
 */
export const neuron: CoverageCriterionKind = {
  name: 'neuron',
  help: 'active neurons',
  equation: 'covered: n where (a(n) − min) / (max − min) > threshold, with min and max over the layer',
  source: 'DeepXplore (Pei et al., SOSP 2017), section 4.1',
  feedback: 'set',
  averagesMaps: true,
  parameters: [THRESHOLD],
  make(values, settings) {
    const threshold = values(THRESHOLD);
    return observingNeurons(settings, {
      elementsPerNeuron: 1,
      observeLayer(activations, offset, { count }, observation) {
        let low = Number.POSITIVE_INFINITY;
        let high = Number.NEGATIVE_INFINITY;
        for (let i = offset; i < offset + count; i++) {
          if (activations[i] < low) low = activations[i];
          if (activations[i] > high) high = activations[i];
        }
        // Where all activations of a layer are equal, none is scaled and no neuron is covered.
        const limit = low + threshold * (high - low);
        if (!(high > low)) return;
        for (let i = offset; i < offset + count; i++) if (activations[i] > limit) observation[i] = 1;
      },
    });
  },
};
