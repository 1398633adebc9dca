import type { Random } from '../core/random.ts';
import type { Layout } from '../mutators/image/layout.ts';

/** Where of an input a program may write, and what. Plain data, sent between processes. */
export interface Placement {
  /** `add` is added to the input's values, `replace` written in their place. */
  readonly mode: 'add' | 'replace';
  /** 1 for the values that the program may change: of the input, or of a patch that is placed anywhere. */
  readonly mask: Uint8Array;
  /** Largest change of a value by `add`, in values of the input. */
  readonly epsilon: number;
  /** Legal values, one of each for each value of the program. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** The places of a patch that is placed anywhere; absent for a program that is as large as the input. */
  readonly places?: PatchPlaces;
}

/** The places that a patch may have in a picture. */
export interface PatchPlaces {
  /** Position in the input of each value of the patch while it lies in the upper left corner. */
  readonly positions: Int32Array;
  /** Rows and columns by which it can be moved, and by how many positions each step moves it. */
  readonly rows: number;
  readonly columns: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** How a program is written into one input. */
export interface Writing {
  /** Positions by which a patch is moved from the upper left corner; 0 by default. */
  readonly offset?: number;
  /** Share of the change, from 0 to 1, which is the default. */
  readonly strength?: number;
}

/** Draws where a patch lies, as an offset from the upper left corner; 0 where the program has one place. */
export function drawOffset({ places }: Placement, random: Random): number {
  if (places === undefined) return 0;
  return random.below(places.rows) * places.rowStep + random.below(places.columns) * places.columnStep;
}

/**
 * What a program adds to each value, or writes in its place: ε·tanh(W), or m + s/2·tanh(W) with the middle m and the span s of its legal
 * values (Elsayed, Goodfellow & Sohl-Dickstein 2018). Values outside the mask are 0.
 *
 * @param weights W, one for each value of the mask
 */
export function programValues(weights: ArrayLike<number>, placement: Placement): Float64Array {
  const { mode, mask, epsilon, low, high } = placement;
  return Float64Array.from(mask, (isInside, i) => {
    if (isInside === 0) return 0;
    const tanh = Math.tanh(weights[i]);
    return mode === 'add' ? epsilon * tanh : (low[i] + high[i]) / 2 + ((high[i] - low[i]) / 2) * tanh;
  });
}

/**
 * An input with a program in it, clipped to its legal values.
 *
 * @param values by `programValues`
 */
export function applyProgram(
  input: ArrayLike<number>,
  values: ArrayLike<number>,
  { mode, mask, low, high, places }: Placement,
  { offset = 0, strength = 1 }: Writing = {},
): Float64Array {
  const changed = Float64Array.from(input);
  for (let j = 0; j < mask.length; j++) {
    if (mask[j] === 0) continue;
    const i = places === undefined ? j : places.positions[j] + offset;
    const step = mode === 'add' ? values[j] : values[j] - input[i];
    changed[i] = Math.min(high[j], Math.max(low[j], input[i] + strength * step));
  }
  return changed;
}

/**
 * Adds the gradient of a loss with respect to W, from that with respect to the input with the program in it. Where a value is clipped,
 * it is 0.
 *
 * @param input without the program
 * @param slope gradient with respect to the input with the program
 * @param total receives the sum
 */
export function addProgramGradient(
  input: ArrayLike<number>,
  weights: ArrayLike<number>,
  slope: ArrayLike<number>,
  { mode, mask, epsilon, low, high, places }: Placement,
  total: Float64Array,
  { offset = 0 }: Writing = {},
): void {
  for (let j = 0; j < total.length; j++) {
    if (mask[j] === 0) continue;
    const i = places === undefined ? j : places.positions[j] + offset;
    const tanh = Math.tanh(weights[j]);
    const steepness = 1 - tanh * tanh;
    if (mode === 'replace') total[j] += (slope[i] * steepness * (high[j] - low[j])) / 2;
    else {
      const changed = input[i] + epsilon * tanh;
      if (changed >= low[j] && changed <= high[j]) total[j] += slope[i] * steepness * epsilon;
    }
  }
}

/** The mask of a frame: the outer pixels of a picture, so many deep. */
export function frameMask(layout: Layout, depth: number): Uint8Array {
  return pixelMask(
    layout,
    (row, column) => Math.min(row, column, layout.height - 1 - row, layout.width - 1 - column) < depth,
  );
}

/** A rectangle of a picture, in pixels. */
export interface Patch {
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
}

/** The mask of a patch. */
export function patchMask(layout: Layout, { height, width, top, left }: Patch): Uint8Array {
  return pixelMask(
    layout,
    (row, column) => row >= top && row < top + height && column >= left && column < left + width,
  );
}

function pixelMask(layout: Layout, isInside: (row: number, column: number) => boolean): Uint8Array {
  const { height, width, channels, rowStep, columnStep, channelStep } = layout;
  const mask = new Uint8Array(height * width * channels);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      if (isInside(row, column))
        for (let channel = 0; channel < channels; channel++)
          mask[row * rowStep + column * columnStep + channel * channelStep] = 1;
  return mask;
}

/** The places of a patch that may lie anywhere in a picture. @param patch at most as large as the picture */
export function patchPlaces(layout: Layout, { height, width }: Pick<Patch, 'height' | 'width'>): PatchPlaces {
  const { channels, rowStep, columnStep, channelStep } = layout;
  const positions: number[] = [];
  // In the order of the picture's own values: rows, columns, channels, or channels first.
  const isChannelsFirst = channels > 1 && channelStep !== 1;
  for (let outer = 0; outer < (isChannelsFirst ? channels : 1); outer++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        for (let inner = 0; inner < (isChannelsFirst ? 1 : channels); inner++)
          positions.push(
            row * rowStep + column * columnStep + (isChannelsFirst ? outer : inner) * channelStep,
          );
  return {
    positions: Int32Array.from(positions),
    rows: layout.height - height + 1,
    columns: layout.width - width + 1,
    rowStep,
    columnStep,
  };
}
