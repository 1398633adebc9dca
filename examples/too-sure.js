// An objective of your own: neurofuzz fuzz model.onnx --seeds digits.npz --objective ./too-sure.js:bound=0.999
import { defineObjective } from 'neurofuzz';

const BOUND = {
  name: 'bound',
  help: 'largest share of the softmax that one class may have',
  between: [0, 1],
};

/** A run in which one class has nearly all of the softmax. */
export default defineObjective({
  name: 'too-sure',
  help: 'one class has nearly all of the softmax',
  parameters: [BOUND],
  make({ values: { bound = 0.999 } }) {
    /** The greatest class of a row and its share. */
    const best = ({ outputs: [logits] }, row) => {
      const values = logits.data.subarray(row * logits.size, (row + 1) * logits.size);
      const most = values.reduce((a, b) => Math.max(a, b));
      const sum = values.reduce((total, value) => total + Math.exp(value - most), 0);
      return { label: values.indexOf(most), share: 1 / sum };
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
