import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Layout } from './layout.ts';

/** Affine map from a pixel to its source: x' = a·x + b·y + c, y' = d·x + e·y + f, in pixels from the picture's centre. */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

/**
 * Applies an affine map by bilinear sampling. Samples lie at pixel centres, so that a half turn maps each pixel to its
 * opposite.
 *
 * @param outside value of samples outside the picture; black if absent
 */
export function warp(
  from: WorkingArray,
  out: WorkingArray,
  offset: number,
  layout: Layout,
  { a, b, c, d, e, f }: Affine,
  outside?: number,
): void {
  const { height, width, channels, rowStep, columnStep, channelStep, black } = layout;
  const middleX = (width - 1) / 2;
  const middleY = (height - 1) / 2;
  // Hot: the part of a row whose samples all lie inside the picture is found first, so that it needs no checks.
  for (let y = 0; y < height; y++) {
    const v = y - middleY;
    const startX = a * -middleX + b * v + c + middleX;
    const startY = d * -middleX + e * v + f + middleY;
    const first = Math.ceil(
      Math.max(0, firstStepInside(startX, a, width - 1), firstStepInside(startY, d, height - 1)),
    );
    const last = Math.floor(
      Math.min(width - 1, lastStepInside(startX, a, width - 1), lastStepInside(startY, d, height - 1)),
    );
    const to = offset + y * rowStep;
    for (let channel = 0; channel < channels; channel++) {
      const channelStart = channel * channelStep;
      const fill = outside ?? black[channel];
      for (let x = 0; x < width; x++) {
        const at = to + x * columnStep + channelStart;
        const sourceX = startX + a * x;
        const sourceY = startY + d * x;
        if (x >= first && x <= last) {
          // Not negative, so that truncation rounds down.
          const left = sourceX | 0;
          const top = sourceY | 0;
          const right = sourceX - left;
          const i = top * rowStep + left * columnStep + channelStart;
          const j = i + rowStep;
          const upper = from[i] + right * (from[i + columnStep] - from[i]);
          const lower = from[j] + right * (from[j + columnStep] - from[j]);
          out[at] = upper + (sourceY - top) * (lower - upper);
        } else out[at] = sampleAtBorder(from, layout, sourceX, sourceY, channelStart, fill);
      }
    }
  }
}

/** Margin that keeps rounding errors from moving a sample outside the picture. */
const ROUNDING_SLACK = 1e-6;

/** The first n for which start + n · step lies in `[0, end)`. */
function firstStepInside(start: number, step: number, end: number): number {
  if (step === 0) return start >= 0 && start < end ? 0 : Number.POSITIVE_INFINITY;
  return step > 0 ? (ROUNDING_SLACK - start) / step : (end - ROUNDING_SLACK - start) / step;
}

/** The last n for which start + n · step lies in `[0, end)`. */
function lastStepInside(start: number, step: number, end: number): number {
  if (step === 0) return start >= 0 && start < end ? Number.POSITIVE_INFINITY : -1;
  return step > 0 ? (end - ROUNDING_SLACK - start) / step : (ROUNDING_SLACK - start) / step;
}

/** A sample at the border, where pixels outside are `fill`. */
function sampleAtBorder(
  from: WorkingArray,
  layout: Layout,
  x: number,
  y: number,
  channelStart: number,
  fill: number,
): number {
  const { height, width, rowStep, columnStep } = layout;
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < -1 || top < -1 || left >= width || top >= height) return fill;
  const i = top * rowStep + left * columnStep + channelStart;
  const hasLeft = left >= 0;
  const hasRight = left < width - 1;
  const hasTop = top >= 0;
  const hasBelow = top < height - 1;
  const nw = hasTop && hasLeft ? from[i] : fill;
  const ne = hasTop && hasRight ? from[i + columnStep] : fill;
  const sw = hasBelow && hasLeft ? from[i + rowStep] : fill;
  const se = hasBelow && hasRight ? from[i + rowStep + columnStep] : fill;
  const upper = nw + (x - left) * (ne - nw);
  const lower = sw + (x - left) * (se - sw);
  return upper + (y - top) * (lower - upper);
}

/** A bilinear sample of one channel; outside the picture its border is repeated. */
export function sampleClamped(
  from: WorkingArray,
  { height, width, rowStep, columnStep, channelStep }: Layout,
  x: number,
  y: number,
  channel: number,
): number {
  const inX = x < 0 ? 0 : x > width - 1 ? width - 1 : x;
  const inY = y < 0 ? 0 : y > height - 1 ? height - 1 : y;
  const left = Math.min(Math.floor(inX), Math.max(0, width - 2));
  const top = Math.min(Math.floor(inY), Math.max(0, height - 2));
  const i = top * rowStep + left * columnStep + channel * channelStep;
  const stepX = width > 1 ? columnStep : 0;
  const stepY = height > 1 ? rowStep : 0;
  const upper = from[i] + (inX - left) * (from[i + stepX] - from[i]);
  const j = i + stepY;
  const lower = from[j] + (inX - left) * (from[j + stepX] - from[j]);
  return upper + (inY - top) * (lower - upper);
}
