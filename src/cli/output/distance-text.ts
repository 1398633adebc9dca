import type { Distance } from '../../constraints/distance.ts';
import { formatNumber, plural } from '../../core/format-number.ts';

/** A testcase's distance from its seed: `3 edits` of tokens, or `149 values changed, max 2`, where 2 is the L∞ distance. */
export function distanceText({ edits, l0, linf }: Distance): string {
  return edits === undefined
    ? `${plural(l0, 'value')} changed, max ${formatNumber(linf, 3)}`
    : plural(edits, 'edit');
}
