import { defineCoverage } from '../../src/index.ts';
import { besideLength, lengthOf, WEIGHT } from './beside-lengths.ts';

/** (log ‖x‖, w·x/‖x‖) */
export default defineCoverage({
  name: 'log-direction',
  help: 'logarithm of the length, and direction',
  parameters: [WEIGHT],
  make(values) {
    const weight = values(WEIGHT);
    return besideLength(
      ({ size }) => size,
      (data, from, size, target) => {
        const scale = weight / (lengthOf(data, from, size) || 1);
        for (let i = 0; i < size; i++) target[i] = scale * data[from + i];
      },
      true,
    );
  },
});
