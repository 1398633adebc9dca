import type { Distance } from '../constraints/distance.ts';
import { formatNumber, plural } from '../core/format-number.ts';

/** How far an input is from its seed: `19 values differ from the seed, by at most 1.97`. */
export function differenceText({ edits, l0, linf }: Distance): string {
  if (edits !== undefined) return `${plural(edits, 'edit')} of the seed's text`;
  if (l0 === 0) return 'the seed itself';
  return `${plural(l0, 'value')} ${l0 === 1 ? 'differs' : 'differ'} from the seed, by at most ${formatNumber(linf, 3)}`;
}
