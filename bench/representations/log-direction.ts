import { defineCoverage } from '../../src/index.ts';
import { besideDirection, WEIGHT } from './beside-lengths.ts';

/** (log ‖x‖, w·x/‖x‖) */
export default defineCoverage({
  name: 'log-direction',
  help: 'logarithm of the length, and direction',
  parameters: [WEIGHT],
  make: (values) => besideDirection(values(WEIGHT), true),
});
