import { drawNormal } from '../../core/random.ts';
import { drawBetween, type Layout } from '../image/layout.ts';
import { sampleClamped } from '../image/warp.ts';
import { lengthScale, makeCorruption } from './corruption.ts';
import { blurAlongLine } from './motion.ts';

/**
 * Flakes are the peaks of Gaussian noise, enlarged and blurred as they fall; they are laid over a whitened picture
 * twice, the second time turned by half a circle.
 */
export const snow = makeCorruption(
  { name: 'snow', help: 'adds snowflakes and whitens the picture', cost: 1350 },
  [
    { mean: 0.1, deviation: 0.3, enlarged: 3, least: 0.5, radius: 10, sigma: 4, picture: 0.8 },
    { mean: 0.2, deviation: 0.3, enlarged: 2, least: 0.5, radius: 12, sigma: 4, picture: 0.7 },
    { mean: 0.55, deviation: 0.3, enlarged: 4, least: 0.9, radius: 12, sigma: 8, picture: 0.7 },
    { mean: 0.55, deviation: 0.3, enlarged: 4.5, least: 0.85, radius: 12, sigma: 8, picture: 0.65 },
    { mean: 0.55, deviation: 0.3, enlarged: 2.5, least: 0.85, radius: 12, sigma: 12, picture: 0.55 },
  ],
  ({ size }) => {
    const noise = new Float32Array(size);
    const flakes = new Float32Array(size);
    const falling = new Float32Array(size);
    let flat: Layout | undefined;
    return (setting, seen, out, layout, { random }) => {
      const { mean, deviation, enlarged, least, radius, sigma, picture } = setting;
      const { height, width, channels, rowStep, columnStep, channelStep, rgb } = layout;
      const scale = lengthScale(layout);
      if (flat === undefined || flat.width !== width || flat.height !== height)
        flat = { ...layout, channels: 1, rowStep: width, columnStep: 1, channelStep: height * width };
      const pixels = height * width;
      for (let i = 0; i < pixels; i++) noise[i] = mean + deviation * drawNormal(random);
      const shrunk = 1 / Math.max(1, enlarged * scale);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const flake = sampleClamped(noise, flat, x * shrunk, y * shrunk, 0);
          flakes[y * width + x] = flake < least ? 0 : Math.min(1, flake);
        }
      }
      blurAlongLine(flakes, falling, flat, drawBetween(random, -135, -45), radius * scale, sigma * scale);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const at = y * rowStep + x * columnStep;
          const pixel = y * width + x;
          const cover = falling[pixel] + falling[pixels - 1 - pixel];
          const [r, g, b] = rgb;
          const grey =
            0.299 * seen[at + r * channelStep] +
            0.587 * seen[at + g * channelStep] +
            0.114 * seen[at + b * channelStep];
          for (let c = 0; c < channels; c++) {
            const i = at + c * channelStep;
            out[i] = picture * seen[i] + (1 - picture) * Math.max(seen[i], 1.5 * grey + 0.5) + cover;
          }
        }
      }
    };
  },
);
