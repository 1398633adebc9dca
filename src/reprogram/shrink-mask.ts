import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { layoutOf } from '../mutators/image/layout.ts';
import type { Placement } from './program.ts';

/** Height and width of what a mask covers, and where each pixel's values are. */
export interface MaskGrid {
  readonly height: number;
  readonly width: number;
  /** Positions in the mask of the values of a pixel. */
  readonly valuesAt: (row: number, column: number) => readonly number[];
}

/** Blocks to a side in the first round. */
const FIRST_BLOCKS = 4;

/**
 * Makes a mask smaller: tries to leave out block after block, first blocks of a quarter of each side, then of half of that, down to
 * single pixels, and leaves out those without which the mask still does.
 *
 * @param stillDoes whether a mask is as good as is asked for; false where no more may be tried
 */
export async function shrinkMask(
  mask: Uint8Array,
  { height, width, valuesAt }: MaskGrid,
  stillDoes: (mask: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let kept = mask;
  const sidesOf = (side: number): number => Math.max(1, Math.ceil(side / FIRST_BLOCKS));
  let [high, wide] = [sidesOf(height), sidesOf(width)];
  for (;;) {
    for (let top = 0; top < height; top += high)
      for (let left = 0; left < width; left += wide) {
        const smaller = kept.slice();
        for (let row = top; row < Math.min(height, top + high); row++)
          for (let column = left; column < Math.min(width, left + wide); column++)
            for (const i of valuesAt(row, column)) smaller[i] = 0;
        const isLess = smaller.some((isInside, i) => isInside !== kept[i]);
        if (isLess && smaller.includes(1) && (await stillDoes(smaller))) kept = smaller;
      }
    if (high === 1 && wide === 1) return kept;
    [high, wide] = [Math.ceil(high / 2), Math.ceil(wide / 2)];
  }
}

/** The pixels of what a program covers; of an input that takes no pictures, its values in a row. */
export function maskGrid(
  { mask, places }: Pick<Placement, 'mask' | 'places'>,
  { picture }: Pick<InputDescriptor, 'picture'>,
  shape: readonly number[],
): MaskGrid {
  if (picture === undefined) return { height: 1, width: mask.length, valuesAt: (_row, column) => [column] };
  const { height, width, channels, rowStep, columnStep, channelStep } = layoutOf(picture, shape);
  const channelsAt = (row: number, column: number): number[] =>
    Array.from({ length: channels }, (_, c) => row * rowStep + column * columnStep + c * channelStep);
  if (places === undefined) return { height, width, valuesAt: channelsAt };
  const indices = new Map(Array.from(places.positions, (position, j) => [position, j]));
  return {
    height: height - places.rows + 1,
    width: width - places.columns + 1,
    valuesAt: (row, column) => channelsAt(row, column).flatMap((position) => indices.get(position) ?? []),
  };
}
