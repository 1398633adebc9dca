import { defineCoverage } from '../../src/index.ts';
import { besideLength } from './beside-lengths.ts';

/** Far enough that no length is near that of another index. */
const APART = 1e6;

/** (‖x‖, c·argmax x): a line of lengths for each index. */
export default defineCoverage({
  name: 'largest',
  help: 'length, apart for each index of the largest value',
  make: () =>
    besideLength(
      () => 1,
      (data, from, size, target) => {
        let largest = 0;
        for (let i = 1; i < size; i++) if (data[from + i] > data[from + largest]) largest = i;
        target[0] = APART * largest;
      },
    ),
});
