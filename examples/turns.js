// A scheduler of your own: neurofuzz fuzz model.onnx --seeds digits.npz --scheduler ./turns.js:times=2
import { defineScheduler } from 'neurofuzz';

const TIMES = {
  name: 'times',
  default: 1,
  help: 'picks of an entry in a row',
  min: 1,
  max: 1000,
  integer: true,
};

/** Every entry in turn, the oldest first. */
export default defineScheduler({
  name: 'turns',
  parameters: [TIMES],
  make(values) {
    const times = values(TIMES);
    let next = 0;
    return {
      // Draws, if it does, from the second argument alone.
      pick: ({ count }) => Math.floor(next++ / times) % count,
      // What it has learnt, as plain data, for --resume.
      save: () => next,
      restore(saved) {
        next = saved;
      },
    };
  },
});
