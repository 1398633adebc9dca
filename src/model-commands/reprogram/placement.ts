import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { intervalAt } from '../../inputs/range.ts';
import { type Layout, layoutOf } from '../../mutators/image/layout.ts';
import { frameMask, type Patch, type Placement, patchMask } from '../../reprogram/program.ts';
import { shapeText, sizeOf } from '../../tensor/tensor.ts';

/** Which values of an input a program may change: all a little, or a frame, a patch, or those that a mask does not fix entirely. */
export interface Place {
  /** Pixels from the border. */
  readonly frame: number | undefined;
  readonly patch: Patch | undefined;
}

/** Largest change of each value by default, as a share of the span. */
const DEFAULT_SHARE = 0.2;

/**
 * Where a program may write.
 *
 * @param shape of the input, without the batch dimension
 * @throws UserError where it would cover nothing or everything, or the input takes no pictures
 */
export function placementOf(
  { frame, patch }: Place,
  { linf }: Pick<CampaignConfig, 'linf'>,
  { name, range, picture, fixed }: InputDescriptor,
  shape: readonly number[],
): Placement {
  const size = sizeOf(shape);
  const bounds = Array.from({ length: size }, (_, i) => intervalAt(range, i, size));
  const low = Float64Array.from(bounds, (interval) => interval.low);
  const high = Float64Array.from(bounds, (interval) => interval.high);
  const epsilon = linf ?? DEFAULT_SHARE * Math.min(...bounds.map((interval) => interval.high - interval.low));
  const free = Uint8Array.from({ length: size }, (_, i) => (fixed?.[i] === 1 ? 0 : 1));
  if (frame === undefined && patch === undefined) {
    if (!free.includes(1)) throw new UserError(`--fixed: the mask of ${name} leaves nothing to change`);
    if (fixed === undefined || linf !== undefined) return { mode: 'add', mask: free, epsilon, low, high };
    return { mode: 'replace', mask: free, epsilon, low, high };
  }
  if (picture === undefined)
    throw new UserError(
      `--${frame === undefined ? 'patch' : 'frame'} is a part of a picture, and input ${name} takes none: set --linf or --fixed`,
    );
  const layout = layoutOf(picture, shape);
  const mask = frame === undefined ? patchIn(layout, patch, shape) : frameIn(layout, frame, shape);
  for (let i = 0; i < size; i++) if (free[i] === 0) mask[i] = 0;
  return { mode: 'replace', mask, epsilon, low, high };
}

function frameIn(layout: Layout, depth: number, shape: readonly number[]): Uint8Array {
  const { height, width } = layout;
  if (2 * depth >= Math.min(height, width))
    throw new UserError(
      `--frame: ${depth} pixels from each side cover all of a picture of ${shapeText(shape)}`,
    );
  return frameMask(layout, depth);
}

function patchIn(layout: Layout, patch: Patch | undefined, shape: readonly number[]): Uint8Array {
  if (patch === undefined) throw new Error('there is no patch');
  const { height, width, top, left } = patch;
  if (top + height > layout.height || left + width > layout.width)
    throw new UserError(`--patch: it leaves a picture of ${shapeText(shape)}: give it as HxW@row,column`);
  if (height === layout.height && width === layout.width)
    throw new UserError(`--patch: it covers all of a picture of ${shapeText(shape)}`);
  return patchMask(layout, patch);
}
