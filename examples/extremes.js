// Coverage of your own: neurofuzz fuzz model.onnx --seeds digits.npz --measure ./extremes.js
import { defineCoverage } from 'neurofuzz';

/** The least and the greatest value of each watched tensor. */
export default defineCoverage({
  name: 'extremes',
  help: 'the least and the greatest activation of each tensor',
  // The second argument has the campaign's `seed`, for what is drawn, and `varying`: whether activations differ in size.
  make: () => ({
    // One vector a row, of the same width in every run.
    observe({ rows, activations }) {
      const width = 2 * activations.length;
      const all = new Float32Array(rows * width);
      for (const [t, { data, size }] of activations.entries())
        for (let row = 0; row < rows; row++) {
          const values = data.subarray(row * size, (row + 1) * size);
          all[row * width + 2 * t] = values.reduce((a, b) => Math.min(a, b));
          all[row * width + 2 * t + 1] = values.reduce((a, b) => Math.max(a, b));
        }
      return all;
    },
  }),
});
