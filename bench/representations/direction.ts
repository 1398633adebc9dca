import { defineCoverage } from '../../src/index.ts';
import { besideDirection, WEIGHT } from './beside-lengths.ts';

/** (‖x‖, w·x/‖x‖) */
export default defineCoverage({
  name: 'direction',
  help: 'length and direction',
  parameters: [WEIGHT],
  make: (values) => besideDirection(values(WEIGHT), false),
});
