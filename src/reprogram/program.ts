import type { Layout } from '../mutators/image/layout.ts';

/** Where of an input a program may write, and what. Plain data, sent between processes. */
export interface Placement {
  /** `add` is added to the input's values, `replace` written in their place. */
  readonly mode: 'add' | 'replace';
  /** 1 for the values of the input that the program may change. */
  readonly mask: Uint8Array;
  /** Largest change of a value by `add`, in values of the input. */
  readonly epsilon: number;
  /** Legal values of the input, one of each for each value. */
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/**
 * What a program adds to each value, or writes in its place: ε·tanh(W), or m + s/2·tanh(W) with the middle m and the span s of its legal
 * values (Elsayed, Goodfellow & Sohl-Dickstein 2018). Values outside the mask are 0.
 *
 * @param weights W, one for each value of the input
 */
export function programValues(weights: ArrayLike<number>, placement: Placement): Float64Array {
  const { mode, mask, epsilon, low, high } = placement;
  return Float64Array.from(mask, (isInside, i) => {
    if (isInside === 0) return 0;
    const tanh = Math.tanh(weights[i]);
    return mode === 'add' ? epsilon * tanh : (low[i] + high[i]) / 2 + ((high[i] - low[i]) / 2) * tanh;
  });
}

/** An input with a program in it, clipped to its legal values. @param values by `programValues` */
export function applyProgram(
  input: ArrayLike<number>,
  values: Float64Array,
  { mode, mask, low, high }: Placement,
): Float64Array {
  return Float64Array.from(mask, (isInside, i) => {
    if (isInside === 0) return input[i];
    const changed = mode === 'add' ? input[i] + values[i] : values[i];
    return Math.min(high[i], Math.max(low[i], changed));
  });
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
  { mode, mask, epsilon, low, high }: Placement,
  total: Float64Array,
): void {
  for (let i = 0; i < total.length; i++) {
    if (mask[i] === 0) continue;
    const tanh = Math.tanh(weights[i]);
    const steepness = 1 - tanh * tanh;
    if (mode === 'replace') total[i] += (slope[i] * steepness * (high[i] - low[i])) / 2;
    else {
      const changed = input[i] + epsilon * tanh;
      if (changed >= low[i] && changed <= high[i]) total[i] += slope[i] * steepness * epsilon;
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
