import { spanOf } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { isSmallPicture } from '../mutators/image/spatial.ts';
import type { AttackContext, AttackedValues } from './attack.ts';

/** L∞ limits on levels from 0 to 1, as the contest has them for MNIST, and for other inputs. */
const SMALL_LINF = 0.3;
const LARGE_LINF = 16 / 255;

/** Parameter of attacks within an L∞ ball. */
export const LINF = {
  name: 'linf',
  help: 'largest change of a value, as a share of its span; 0.3 for small pictures, else 16/255',
  min: 0,
  max: 1,
} as const;

/**
 * The L∞ limit in values of the input: of the attack's spec, of the settings, or the attack's own.
 *
 * @param share the limit of the spec, as a share of the span
 */
export function linfLimit(
  data: TestcaseData,
  values: AttackedValues,
  { descriptor, linf }: Pick<AttackContext, 'descriptor' | 'linf'>,
  share: number | undefined,
): number {
  if (share !== undefined) return share * spanOf(descriptor);
  if (linf !== undefined) return linf;
  const isSmall = descriptor.picture !== undefined && isSmallPicture(values.layoutOf(data));
  return (isSmall ? SMALL_LINF : LARGE_LINF) * spanOf(descriptor);
}
