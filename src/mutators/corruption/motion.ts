import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Layout } from '../image/layout.ts';
import { sampleClamped } from '../image/warp.ts';

/** Averages each pixel with those behind it on a line: half a Gaussian bell, as ImageMagick's motion blur. */
export function blurAlongLine(
  from: WorkingArray,
  out: WorkingArray,
  layout: Layout,
  degrees: number,
  radius: number,
  sigma: number,
): void {
  const { height, width, channels, rowStep, columnStep, channelStep } = layout;
  const angle = (degrees * Math.PI) / 180;
  const dx = Math.cos(angle);
  const dy = Math.sin(angle);
  const steps = Math.max(1, Math.ceil(2 * radius));
  let all = 0;
  for (let i = 0; i <= steps; i++) all += gaussianWeight(i, sigma);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0; i <= steps; i++)
          sum += gaussianWeight(i, sigma) * sampleClamped(from, layout, x + i * dx, y + i * dy, c);
        out[y * rowStep + x * columnStep + c * channelStep] = sum / all;
      }
    }
  }
}

function gaussianWeight(distance: number, sigma: number): number {
  return Math.exp((-distance * distance) / (2 * sigma * sigma));
}
