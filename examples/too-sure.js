// An objective of your own: neurofuzz fuzz model.onnx --seeds digits.npz --objective ./too-sure.js:bound=0.999
import { defineObjective } from 'neurofuzz';

const BOUND = {
  name: 'bound',
  default: 0.999,
  help: 'largest share of the softmax that one class may have',
  min: 0,
  max: 1,
};

/** A run in which one class has nearly all of the softmax. */
export default defineObjective({
  name: 'too-sure',
  help: 'one class has nearly all of the softmax',
  parameters: [BOUND],
  make(values) {
    const bound = values(BOUND);
    /** The greatest class of a row and its share. */
    const best = ({ outputs: [logits] }, row) => {
      const scores = logits.data.subarray(row * logits.size, (row + 1) * logits.size);
      const most = scores.reduce((a, b) => Math.max(a, b));
      const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
      return { label: scores.indexOf(most), share: 1 / sum };
    };
    return {
      // A row's verdict depends on the row alone: it is the same in whatever batch the row runs.
      judge(run, report) {
        for (let row = 0; row < run.rows; row++) {
          const { label, share } = best(run, row);
          if (share > bound)
            report(row, { summary: `class ${label} has ${share} of the softmax`, details: { label, share } });
        }
      },
      // How far a row is from that, 0 where it is there: mutants that come nearer are kept. May be left out.
      margins(run, row, out) {
        out[0] = Math.max(0, bound - best(run, row).share);
        return 1;
      },
    };
  },
});
