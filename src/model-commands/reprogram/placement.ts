import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { intervalAt } from '../../inputs/range.ts';
import { columnAt } from '../../inputs/table-column.ts';
import { type Layout, layoutOf } from '../../mutators/image/layout.ts';
import { frameMask, type Patch, type Placement, patchMask, patchPlaces } from '../../reprogram/program.ts';
import { shapeText, sizeOf } from '../../tensor/tensor.ts';

/** A patch at a place, or anywhere. */
export type PlacedPatch = Patch | (Pick<Patch, 'height' | 'width'> & { readonly top?: never });

/** Which values of an input a program may change: all a little, or a frame, a patch, or those that a mask does not fix entirely. */
export interface Place {
  /** Pixels from the border. */
  readonly frame: number | undefined;
  readonly patch: PlacedPatch | undefined;
}

/** Largest change of each value by default, as a share of the span. */
const DEFAULT_SHARE = 0.2;

/**
 * Where a program may write.
 *
 * @param shape of the input, without the batch dimension
 * @param covered 1 where a task's picture lies, which is not replaced; undefined without a task
 * @throws UserError where it would cover nothing or everything, or the input takes no pictures
 */
export function placementOf(
  { frame, patch }: Place,
  { linf }: Pick<CampaignConfig, 'linf'>,
  descriptor: InputDescriptor,
  shape: readonly number[],
  covered?: Uint8Array,
): Placement {
  const { name, range, picture, fixed, columns } = descriptor;
  const size = sizeOf(shape);
  const bounds = Array.from({ length: size }, (_, i) => intervalAt(range, i, size));
  const low = Float64Array.from(bounds, (interval) => interval.low);
  const high = Float64Array.from(bounds, (interval) => interval.high);
  const spans = bounds.map((interval) => interval.high - interval.low);
  // A constant column stays what it is, and no part of a category or of a whole number is a legal value.
  const isFree = (i: number): boolean =>
    fixed?.[i] !== 1 && spans[i] > 0 && (columns === undefined || columnAt(columns, i).kind === 'range');
  const free = Uint8Array.from({ length: size }, (_, i) => (isFree(i) ? 1 : 0));
  const freeSpans = spans.filter((_, i) => free[i] === 1);
  const epsilon = linf ?? DEFAULT_SHARE * (freeSpans.length === 0 ? 0 : Math.min(...freeSpans));
  const replaced = (mask: Uint8Array): Placement => {
    const inside = mask.map((isInside, i) => (free[i] === 0 || covered?.[i] === 1 ? 0 : isInside));
    if (!inside.includes(1)) throw new UserError(`there is nothing in ${name} to write on: ${ADVICE}`);
    return { mode: 'replace', mask: inside, epsilon, low, high };
  };
  if (frame === undefined && patch === undefined) {
    if (!free.includes(1))
      throw new UserError(
        fixed === undefined
          ? `nothing in ${name} can be changed: all its columns are constant, whole numbers or categories; set --table and --range`
          : `--fixed: the mask of ${name} leaves nothing to change`,
      );
    const widest = Math.max(...freeSpans);
    if (
      linf === undefined &&
      covered === undefined &&
      fixed === undefined &&
      widest > MOST_UNEQUAL * Math.min(...freeSpans)
    )
      throw new UserError(
        `the columns of ${name} have scales of different lengths, up to ${widest}: set --linf, the most that each may change by`,
      );
    if (linf !== undefined) return { mode: 'add', mask: free, epsilon, low, high };
    if (covered === undefined && fixed === undefined) return { mode: 'add', mask: free, epsilon, low, high };
    return checkRest(replaced(free), name);
  }
  if (picture === undefined)
    throw new UserError(
      `--${frame === undefined ? 'patch' : 'frame'} is a part of a picture, and input ${name} takes none: set --linf or --fixed`,
    );
  const layout = layoutOf(picture, shape);
  if (frame !== undefined) return replaced(frameIn(layout, frame, shape));
  if (patch === undefined) throw new Error('there is no patch');
  if (patch.top !== undefined) return replaced(patchIn(layout, patch, shape));
  if (covered !== undefined || fixed !== undefined)
    throw new UserError(
      `--patch: a patch that is placed anywhere keeps to no ${fixed === undefined ? 'task' : 'mask'}: give its place as HxW@row,column`,
    );
  return anywhere(layout, patch, descriptor, shape, epsilon);
}

/** Times that one column's scale may be as long as another's, where one change of the same size is meant for all. */
const MOST_UNEQUAL = 10;

const ADVICE = 'set another --frame, --patch or --fixed, or --linf';

/** @throws UserError where everything would be replaced: the input would not matter any more */
function checkRest(placement: Placement, name: string): Placement {
  if (placement.mask.includes(0)) return placement;
  throw new UserError(
    `--fixed: the mask of ${name} fixes nothing, so all of it would be replaced: set --linf`,
  );
}

function anywhere(
  layout: Layout,
  patch: Pick<Patch, 'height' | 'width'>,
  { range }: InputDescriptor,
  shape: readonly number[],
  epsilon: number,
): Placement {
  checkPatch(layout, { ...patch, top: 0, left: 0 }, shape);
  const places = patchPlaces(layout, patch);
  const bounds = Array.from(places.positions, (i) => intervalAt(range, i, sizeOf(shape)));
  return {
    mode: 'replace',
    mask: new Uint8Array(places.positions.length).fill(1),
    epsilon,
    low: Float64Array.from(bounds, ({ low }) => low),
    high: Float64Array.from(bounds, ({ high }) => high),
    places,
  };
}

function frameIn(layout: Layout, depth: number, shape: readonly number[]): Uint8Array {
  const { height, width } = layout;
  if (2 * depth >= Math.min(height, width))
    throw new UserError(
      `--frame: ${depth} pixels from each side cover all of a picture of ${shapeText(shape)}`,
    );
  return frameMask(layout, depth);
}

function patchIn(layout: Layout, patch: Patch, shape: readonly number[]): Uint8Array {
  checkPatch(layout, patch, shape);
  return patchMask(layout, patch);
}

function checkPatch(layout: Layout, { height, width, top, left }: Patch, shape: readonly number[]): void {
  if (top + height > layout.height || left + width > layout.width)
    throw new UserError(`--patch: it leaves a picture of ${shapeText(shape)}: give it as HxW@row,column`);
  if (height === layout.height && width === layout.width)
    throw new UserError(`--patch: it covers all of a picture of ${shapeText(shape)}`);
}
