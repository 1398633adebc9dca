// A mutator of your own: neurofuzz fuzz model.onnx --seeds digits.npz --mutator ./examples/wave.js:most=0.2
import { defineMutator } from 'neurofuzz';

const MOST = {
  name: 'most',
  default: 0.1,
  help: "largest height of the wave, as a share of the input's range",
  min: 0,
  max: 1,
};

/** Adds a sine wave of drawn height, length and phase to all values, in their order. */
export default defineMutator({
  name: 'wave',
  help: 'a sine wave is added to all values',
  source: 'an example',
  domains: ['numbers'],
  parameters: [MOST],
  make(values, input) {
    const most = values(MOST) * (input.range.high - input.range.low);
    return {
      // Draws from `random` alone, leaves `parent` alone, allocates nothing; what is not legal is clipped.
      mutate(out, offset, parent, { random }) {
        const height = most * random.uniform();
        const step = 0.5 * random.uniform();
        const phase = 2 * Math.PI * random.uniform();
        for (let i = 0; i < parent.length; i++)
          out[offset + i] = parent[i] + height * Math.sin(phase + step * i);
      },
    };
  },
});
