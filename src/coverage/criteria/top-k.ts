import type { CoverageCriterionKind } from '../criterion.ts';
import { DEFAULT_LAYOUT, neuronReader } from '../neurons.ts';
import { observingNeurons } from './neuron-observation.ts';
import { topNeurons } from './top-neurons.ts';

const K = {
  name: 'k',
  default: 2,
  help: 'most active neurons of each layer that count; the paper uses 1, 2 and 3',
  min: 1,
  max: 1000,
  integer: true,
} as const;

const SOURCE = 'DeepGauge (Ma et al., ASE 2018), section 3.3';

/** Top-k neuron coverage: an input covers the k most active neurons of each layer. */
export const topK: CoverageCriterionKind = {
  name: 'top-k',
  help: 'the most active neurons of each layer (TKNC)',
  equation: 'covered: the k neurons n of each layer with the largest a(n)',
  source: SOURCE,
  feedback: 'set',
  averagesMaps: true,
  parameters: [K],
  make(values, settings) {
    const k = values(K);
    const top: number[] = [];
    return observingNeurons(settings, {
      elementsPerNeuron: 1,
      observeLayer(activations, offset, { count }, observation) {
        topNeurons(activations, offset, count, k, top);
        for (const neuron of top) observation[offset + neuron] = 1;
      },
    });
  },
};

/** Top-k neuron patterns: an input covers the combination of the k most active neurons of all layers. */
export const pattern: CoverageCriterionKind = {
  name: 'top-k-pattern',
  help: 'combinations of the most active neurons of all layers (TKNP)',
  equation: 'covered: the tuple of the sets of the k neurons with the largest a(n), a set for each layer',
  source: SOURCE,
  feedback: 'set',
  averagesMaps: true,
  parameters: [K],
  make(values, { layout = DEFAULT_LAYOUT }) {
    const k = values(K);
    const top: number[] = [];
    const read = neuronReader(layout);
    return {
      observe(result) {
        const { rows, width, layers, values: activations } = read(result);
        const patterns = new Float32Array(rows);
        for (let row = 0; row < rows; row++) {
          let hash = FNV_OFFSET;
          for (const { from, count } of layers) {
            topNeurons(activations, row * width + from, count, k, top);
            // A pattern is a set: the order among the k does not count.
            for (const neuron of top.sort((a, b) => a - b)) hash = mix(hash, from + neuron);
          }
          patterns[row] = 1 + (scramble(hash) >>> PATTERN_SHIFT);
        }
        return patterns;
      },
    };
  },
};

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Patterns are numbered by 23 bits of their hash, which single precision holds exactly. */
const PATTERN_SHIFT = 9;

/** FNV-1a over the four bytes of a number. */
function mix(hash: number, number: number): number {
  let mixed = hash;
  for (let shift = 0; shift < 32; shift += 8)
    mixed = Math.imul(mixed ^ ((number >>> shift) & 0xff), FNV_PRIME);
  return mixed;
}

/** The finalizer of MurmurHash3: spreads differences in low bits over the high ones. */
function scramble(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
