import type { ParameterValues } from '../../extensions/parameters.ts';
import type { CoverageCriterionKind, CoverageCriterionSettings } from '../criterion.ts';
import { observingNeurons } from './neuron-observation.ts';
import { checkWidth, neuronRanges, RangeCollector } from './neuron-ranges.ts';

const SIGMA = {
  name: 'sigma',
  default: 0,
  help: 'standard deviations beyond the reference range at which the corner regions begin; the paper uses 0, 0.5 and 1',
  min: 0,
  max: 1e6,
} as const;

const SHARED = {
  source: 'DeepGauge (Ma et al., ASE 2018), section 3.2',
  feedback: 'set',
  averagesMaps: true,
  parameters: [SIGMA],
  collectReference: (_values: ParameterValues, settings: CoverageCriterionSettings) =>
    new RangeCollector(settings),
} as const;

const ABOVE = 1;
const BELOW = 2;

/** Neuron boundary coverage: an input covers a corner region of a neuron, below or above its range on the reference inputs. */
export const boundary: CoverageCriterionKind = {
  ...SHARED,
  name: 'boundary',
  help: 'neurons below or above their reference range (NBC)',
  equation: 'covered: (n, above) where a(n) > high + sigma·σ(n); (n, below) where a(n) < low − sigma·σ(n)',
  make: (values, settings) => observeCorners(settings, values(SIGMA), true),
};

/** Strong neuron activation coverage: an input covers a neuron whose activation lies above its range on the reference inputs. */
export const strongActivation: CoverageCriterionKind = {
  ...SHARED,
  name: 'strong-activation',
  help: 'neurons above their reference range (SNAC)',
  equation: 'covered: n where a(n) > high + sigma·σ(n)',
  make: (values, settings) => observeCorners(settings, values(SIGMA), false),
};

function observeCorners(settings: CoverageCriterionSettings, sigma: number, hasLower: boolean) {
  const ranges = neuronRanges(settings);
  const high = ranges.high.map((value, i) => value + sigma * ranges.deviation[i]);
  const low = ranges.low.map((value, i) => value - sigma * ranges.deviation[i]);
  return observingNeurons(settings, {
    elementsPerNeuron: hasLower ? 2 : 1,
    check: (run) => checkWidth(run, ranges),
    observeLayer(activations, offset, { from, count }, observation) {
      for (let i = 0; i < count; i++) {
        const value = activations[offset + i];
        // A neuron that was never finite on the reference inputs has no range.
        if (!(low[from + i] <= high[from + i])) continue;
        if (value > high[from + i]) observation[offset + i] = ABOVE;
        else if (hasLower && value < low[from + i]) observation[offset + i] = BELOW;
      }
    },
  });
}
