// Coverage of your own, a set: neurofuzz fuzz model.onnx --seeds digits.npz --coverage 'hidden_*' --measure ./neurons.js
import { defineCoverage } from 'neurofuzz';

const THRESHOLD = {
  name: 'threshold',
  default: 0.5,
  help: 'scaled activation above which a neuron is covered; 0, 0.25, 0.5 and 0.75 in the paper',
  min: 0,
  max: 1,
};

/** Numbers in a neuron: one, or those of a feature map where the tensor is [channels, height, width], as in ONNX. */
function neuronSize({ shape }) {
  return shape.length === 3 ? shape[1] * shape[2] : 1;
}

/** Writes 1 for each covered neuron of a layer and 0 for the others; returns the index after the last one. */
function coverLayer(layer, row, threshold, covered, index) {
  const values = layer.data.subarray(row * layer.size, (row + 1) * layer.size);
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const size = neuronSize(layer);
  let next = index;
  for (let from = 0; from < values.length; from += size) {
    const mean = values.subarray(from, from + size).reduce((a, b) => a + b, 0) / size;
    // Where all activations of a layer are equal, none is scaled and no neuron is covered.
    covered[next++] = (mean - low) / (high - low) > threshold ? 1 : 0;
  }
  return next;
}

/**
 * Neuron coverage (Pei et al., DeepXplore, SOSP 2017, section 4.1): a neuron is covered by an input where its activation,
 * scaled from the least and the greatest of its layer to 0 and 1, exceeds a threshold.
 */
export default defineCoverage({
  name: 'neurons',
  help: 'neurons that are active, as in DeepXplore',
  // An observation is a set: its numbers that are not zero. What has one that no entry has is new.
  feedback: 'set',
  parameters: [THRESHOLD],
  make: (value) => ({
    observe({ rows, activations }) {
      const width = activations.reduce((sum, layer) => sum + layer.size / neuronSize(layer), 0);
      const covered = new Float32Array(rows * width);
      let index = 0;
      for (let row = 0; row < rows; row++)
        for (const layer of activations) index = coverLayer(layer, row, value(THRESHOLD), covered, index);
      return covered;
    },
  }),
});
