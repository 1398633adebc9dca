import type { CoverageCriterionKind } from '../criterion.ts';
import { observingNeurons } from './neuron-observation.ts';
import { checkWidth, neuronRanges, RangeCollector } from './neuron-ranges.ts';

const SECTIONS = {
  name: 'sections',
  default: 1000,
  help: "sections that a neuron's range is divided into; the paper uses 1,000 and 10,000",
  min: 1,
  max: 65_535,
  integer: true,
} as const;

/**
 * k-multisection neuron coverage: the range of each neuron on the reference inputs is divided into equal sections, and an
 * input covers the one that its activation lies in. Outside the range nothing is covered.
 */
export const kMultisection: CoverageCriterionKind = {
  name: 'k-multisection',
  help: "sections of each neuron's reference range (KMNC)",
  equation: 'covered: (n, ⌊sections · (a(n) − low) / (high − low)⌋) where low ≤ a(n) ≤ high',
  source: 'DeepGauge (Ma et al., ASE 2018), section 3.2',
  feedback: 'set',
  averagesMaps: true,
  parameters: [SECTIONS],
  collectReference: (_values, settings) => new RangeCollector(settings),
  make(values, settings) {
    const sections = values(SECTIONS);
    const ranges = neuronRanges(settings);
    const { low, high } = ranges;
    return observingNeurons(settings, {
      elementsPerNeuron: sections,
      check: (run) => checkWidth(run, ranges),
      observeLayer(activations, offset, { from, count }, observation) {
        for (let i = 0; i < count; i++) {
          const value = activations[offset + i];
          const [least, greatest] = [low[from + i], high[from + i]];
          if (!(value >= least && value <= greatest)) continue;
          const place = greatest > least ? (value - least) / (greatest - least) : 0;
          observation[offset + i] = 1 + Math.min(sections - 1, Math.floor(place * sections));
        }
      },
    });
  },
};
