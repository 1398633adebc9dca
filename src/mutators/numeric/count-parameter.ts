import type { Random } from '../../core/random.ts';
import type { DefaultedParameter } from '../../extensions/parameters.ts';

/**
 * The parameter of mutators that change a few values.
 *
 * @param unit what is counted, for the help
 */
export function makeCountParameter(unit: string, most: number): DefaultedParameter {
  return {
    name: 'most',
    default: most,
    help: `most ${unit} that change; the number is drawn, small numbers more often`,
    min: 1,
    max: 1e6,
    integer: true,
  };
}

/** Draws a count from 1 to `most`, log-uniformly: 1 to 2 is as likely as 2 to 4. */
export function drawCount(most: number, random: Random): number {
  return Math.max(1, Math.ceil(most ** random.uniform()));
}
