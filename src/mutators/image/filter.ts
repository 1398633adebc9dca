import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Layout } from './layout.ts';

/** Maximum radius of a kernel in pixels. */
const MAX_KERNEL_RADIUS = 256;

/** Scratch buffers of `gaussianBlur`. */
export interface BlurBuffers {
  readonly horizontal: Float32Array;
  readonly kernel: Float64Array;
}

/** @param size number of values of the largest picture */
export function makeBlurBuffers(size: number): BlurBuffers {
  return { horizontal: new Float32Array(size), kernel: new Float64Array(MAX_KERNEL_RADIUS + 1) };
}

/**
 * Gaussian blur as two one-dimensional passes; outside the picture its border is repeated. A sigma well below a pixel
 * changes nothing. `out` may be `from`.
 */
export function gaussianBlur(
  from: WorkingArray,
  out: WorkingArray,
  layout: Layout,
  sigma: number,
  { horizontal, kernel }: BlurBuffers,
): void {
  const radius = Math.min(MAX_KERNEL_RADIUS, Math.ceil(3 * sigma));
  let sum = 0;
  for (let i = 0; i <= radius; i++) {
    kernel[i] = sigma === 0 ? Number(i === 0) : Math.exp((-i * i) / (2 * sigma * sigma));
    sum += i === 0 ? kernel[i] : 2 * kernel[i];
  }
  for (let i = 0; i <= radius; i++) kernel[i] /= sum;
  const { height, width, channels, rowStep, columnStep, channelStep } = layout;
  for (let c = 0; c < channels; c++) {
    const start = c * channelStep;
    for (let y = 0; y < height; y++)
      blurLine(from, horizontal, start + y * rowStep, width, columnStep, kernel, radius);
    for (let x = 0; x < width; x++)
      blurLine(horizontal, out, start + x * columnStep, height, rowStep, kernel, radius);
  }
}

function blurLine(
  from: WorkingArray,
  out: WorkingArray,
  start: number,
  count: number,
  step: number,
  kernel: Float64Array,
  radius: number,
): void {
  const last = count - 1;
  for (let i = 0; i < count; i++) {
    let sum = kernel[0] * from[start + i * step];
    for (let k = 1; k <= radius; k++) {
      const before = i - k < 0 ? 0 : i - k;
      const after = i + k > last ? last : i + k;
      sum += kernel[k] * (from[start + before * step] + from[start + after * step]);
    }
    out[start + i * step] = sum;
  }
}

/** A sparse convolution kernel: `weights[i]` is of the pixel at offset `dx[i]`, `dy[i]`. */
export interface Stencil {
  count: number;
  readonly dx: Float64Array;
  readonly dy: Float64Array;
  readonly weights: Float64Array;
}

/** @param capacity maximum number of weights */
export function makeStencil(capacity: number): Stencil {
  return {
    count: 0,
    dx: new Float64Array(capacity),
    dy: new Float64Array(capacity),
    weights: new Float64Array(capacity),
  };
}

/** Convolves with a stencil whose weights are normalized to a sum of 1; outside the picture its border is repeated. */
export function applyStencil(from: WorkingArray, out: WorkingArray, layout: Layout, stencil: Stencil): void {
  const { height, width, channels, rowStep, columnStep, channelStep } = layout;
  const { count, dx, dy, weights } = stencil;
  let all = 0;
  for (let n = 0; n < count; n++) all += weights[n];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let n = 0; n < count; n++) {
          const px = x + dx[n];
          const py = y + dy[n];
          const inX = px < 0 ? 0 : px > width - 1 ? width - 1 : px;
          const inY = py < 0 ? 0 : py > height - 1 ? height - 1 : py;
          sum += weights[n] * from[inY * rowStep + inX * columnStep + c * channelStep];
        }
        out[y * rowStep + x * columnStep + c * channelStep] = sum / all;
      }
    }
  }
}
