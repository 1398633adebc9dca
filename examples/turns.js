// A scheduler of your own: neurofuzz fuzz model.onnx --seeds digits.npz --scheduler ./turns.js
import { defineScheduler } from 'neurofuzz';

/** Every entry in turn, the oldest first. */
export default defineScheduler({
  name: 'turns',
  make() {
    let next = 0;
    return {
      // Draws, if it does, from the second argument alone.
      pick: ({ count }) => next++ % count,
      // What it has learnt, as plain data, for --resume.
      save: () => next,
      restore(saved) {
        next = saved;
      },
    };
  },
});
