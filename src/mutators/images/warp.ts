import type { Values } from '../constraints/bounds.ts';
import type { Layout } from './layout.ts';

/**
 * Where each pixel of a picture comes from: x' = a·x + b·y + c, y' = d·x + e·y + f, in pixels from the middle of
 * the picture.
 */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

/**
 * Moves a picture's values by bilinear sampling; what comes from outside is `outside`, black where none is given.
 * Samples lie at the middles of pixels, so that turning by a half circle gives each pixel its opposite.
 */
export function warp(
  from: Values,
  out: Values,
  offset: number,
  layout: Layout,
  { a, b, c, d, e, f }: Affine,
  outside?: number,
): void {
  const { height, width, channels, rowStep, columnStep, channelStep, black } = layout;
  const middleX = (width - 1) / 2;
  const middleY = (height - 1) / 2;
  // Hot: one pass over the pixels, no calls and nothing allocated within.
  for (let y = 0; y < height; y++) {
    const v = y - middleY;
    let x1 = a * -middleX + b * v + c + middleX;
    let y1 = d * -middleX + e * v + f + middleY;
    for (let x = 0; x < width; x++, x1 += a, y1 += d) {
      const left = Math.floor(x1);
      const top = Math.floor(y1);
      const at = offset + y * rowStep + x * columnStep;
      if (left < -1 || top < -1 || left >= width || top >= height) {
        for (let channel = 0; channel < channels; channel++)
          out[at + channel * channelStep] = outside ?? black[channel];
        continue;
      }
      const right = x1 - left;
      const below = y1 - top;
      const place = top * rowStep + left * columnStep;
      const isInside = left >= 0 && top >= 0 && left < width - 1 && top < height - 1;
      for (let channel = 0; channel < channels; channel++) {
        const i = place + channel * channelStep;
        if (isInside) {
          const upper = from[i] + right * (from[i + columnStep] - from[i]);
          const j = i + rowStep;
          const lower = from[j] + right * (from[j + columnStep] - from[j]);
          out[at + channel * channelStep] = upper + below * (lower - upper);
          continue;
        }
        const none = outside ?? black[channel];
        const hasLeft = left >= 0;
        const hasRight = left < width - 1;
        const hasTop = top >= 0;
        const hasBelow = top < height - 1;
        const nw = hasTop && hasLeft ? from[i] : none;
        const ne = hasTop && hasRight ? from[i + columnStep] : none;
        const sw = hasBelow && hasLeft ? from[i + rowStep] : none;
        const se = hasBelow && hasRight ? from[i + rowStep + columnStep] : none;
        const upper = nw + right * (ne - nw);
        const lower = sw + right * (se - sw);
        out[at + channel * channelStep] = upper + below * (lower - upper);
      }
    }
  }
}

/** Takes a sample at any place of one channel; the picture goes on with its border outside. */
export function sample(
  from: Values,
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
