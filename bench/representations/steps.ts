import { stepQuantile } from '../../src/coverage/calibration.ts';
import { defineCoverage } from '../../src/index.ts';
import type { BatchResult } from '../../src/model/batched-model.ts';

const STEPS = {
  name: 'steps',
  default: 1,
  help: 'distance above which values are new, in median steps',
  min: 1e-3,
  max: 1e3,
};

/** x, as `values`, with a smaller threshold than the step that one in a hundred exceeds. */
export default defineCoverage({
  name: 'steps',
  help: 'all values, by steps',
  parameters: [STEPS],
  make(values) {
    const steps = values(STEPS);
    return {
      observe: ({ activations: [{ data }] }: BatchResult) => data as Float32Array,
      calibrate(walk) {
        const median = stepQuantile(walk, 0.5);
        return median === undefined ? undefined : median * steps ** 2;
      },
    };
  },
});
