import { UserError } from '../../core/errors.ts';
import type { CoverageCriterionKind, WalkStep } from '../criterion.ts';
import { LayerCovariances } from '../feedback/covariance-feedback.ts';
import { DEFAULT_LAYOUT, type NeuronValues, neuronReader } from '../neurons.ts';
import { isFiniteVector } from '../observation.ts';
import type { CoverageReference } from '../reference.ts';

/** Neurons of one layer whose covariance matrix is kept: 16 MB, and as many operations a mutant. */
const MAX_LAYER_NEURONS = 2048;

/** Share of random steps that would raise the coverage by more than the threshold. */
const NEW_STEP_SHARE = 0.01;

/**
 * Neural coverage by covariance: the sum over layers of the mean magnitude of the covariances of their neurons. An input is new where it
 * raises the sum.
 */
export const nlc: CoverageCriterionKind = {
  name: 'nlc',
  help: 'covariances of the neurons of each layer (NLC)',
  equation:
    'c = Σ over layers of Σᵢⱼ |cov(aᵢ, aⱼ)| / m², with m neurons in the layer; new: c grows by more than the threshold',
  source: 'NLC (Yuan, Pang, Wang, ICSE 2023)',
  feedback: 'covariance',
  averagesMaps: true,
  parameters: [],
  isReferenceOptional: true,
  collectReference(_values, { layout = DEFAULT_LAYOUT }) {
    const read = neuronReader(layout);
    const covariances = new LayerCovariances();
    return {
      add(result) {
        const observations = observeLayers(read(result));
        const width = observations.length / result.rows;
        for (let row = 0; row < result.rows; row++)
          if (isFiniteVector(observations, row * width, width))
            covariances.add(observations, row * width, width, false);
      },
      finish: () => covariances.save(),
    };
  },
  make(_values, { layout = DEFAULT_LAYOUT, reference }) {
    const read = neuronReader(layout);
    return {
      observe: (result) => observeLayers(read(result)),
      calibrate: (walk) => gainQuantile(walk, reference),
    };
  },
};

/** Neurons of each layer behind their number, `[rows, neurons + layers]`. */
function observeLayers(run: NeuronValues): Float32Array {
  const { rows, width, layers, values } = checkedLayers(run);
  const ownWidth = width + layers.length;
  const observations = new Float32Array(rows * ownWidth);
  for (let row = 0; row < rows; row++)
    layers.forEach(({ from, count }, i) => {
      const at = row * ownWidth + from + i;
      observations[at] = count;
      observations.set(values.subarray(row * width + from, row * width + from + count), at + 1);
    });
  return observations;
}

/** @throws UserError where a layer has too many neurons */
function checkedLayers(run: NeuronValues): NeuronValues {
  const large = run.layers.find(({ count }) => count > MAX_LAYER_NEURONS);
  if (large === undefined) return run;
  throw new UserError(
    `--measure nlc: ${large.name} has ${large.count} neurons, and covariances are kept of up to ${MAX_LAYER_NEURONS}; choose other tensors with --coverage`,
  );
}

/**
 * The gain that one step in a hundred exceeds, over the covariances that the campaign begins with and those of the steps' origins; undefined
 * where no step gains.
 */
function gainQuantile(
  walk: readonly WalkStep[],
  reference: CoverageReference | undefined,
): number | undefined {
  const covariances = reference === undefined ? new LayerCovariances() : LayerCovariances.restore(reference);
  for (const { from } of walk) covariances.add(from, 0, from.length, false);
  const gains = walk
    .map(({ vector }) => covariances.gain(vector, 0))
    .filter((gain) => gain > 0)
    .sort((a, b) => a - b);
  return gains[Math.min(gains.length - 1, Math.floor(gains.length * (1 - NEW_STEP_SHARE)))];
}
