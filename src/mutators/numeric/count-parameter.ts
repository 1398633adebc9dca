import type { Random } from '../../core/random.ts';
import type { DefaultedParameter } from '../../extensions/parameters.ts';

/** The parameter of mutators that change one value or a few. */
export function makeCountParameter(what: string, most: number): DefaultedParameter {
  return {
    name: 'most',
    default: most,
    help: `most ${what} that are changed; how many is drawn, few more often than many`,
    min: 1,
    max: 1e6,
    integer: true,
  };
}

/** Draws how many: as likely between one and two as between two and four. */
export function drawCount(most: number, random: Random): number {
  return Math.max(1, Math.ceil(most ** random.uniform()));
}
