import { gaussianBlur, makeBlurBuffers } from '../image/filter.ts';
import { drawBetween, type Layout } from '../image/layout.ts';
import { sampleClamped } from '../image/warp.ts';
import { lengthScale, makeCorruption } from './corruption.ts';

/** ImageNet-C gives the lengths of this one for sides of 244. */
const REFERENCE_SIDE = 244;

/** Deviation of a uniform draw between −1 and 1. */
const UNIFORM_DEVIATION = 1 / Math.sqrt(3);

/**
 * Moves pixels by smooth random fields after an affine change of three corners (Simard, Steinkraus & Platt 2003).
 * A field loses 1 / (2·√π·sigma) of its deviation by smoothing; since a small picture has too few pixels for that,
 * its fields are brought to the deviation that those of a large one have.
 */
export const elastic = makeCorruption(
  { name: 'elastic', help: 'stretches and compresses parts of the picture', cost: 980 },
  [
    { alpha: 2 * REFERENCE_SIDE, sigma: 0.7 * REFERENCE_SIDE, corners: 0.1 * REFERENCE_SIDE },
    { alpha: 2 * REFERENCE_SIDE, sigma: 0.08 * REFERENCE_SIDE, corners: 0.2 * REFERENCE_SIDE },
    { alpha: 0.05 * REFERENCE_SIDE, sigma: 0.01 * REFERENCE_SIDE, corners: 0.02 * REFERENCE_SIDE },
    { alpha: 0.07 * REFERENCE_SIDE, sigma: 0.01 * REFERENCE_SIDE, corners: 0.02 * REFERENCE_SIDE },
    { alpha: 0.12 * REFERENCE_SIDE, sigma: 0.01 * REFERENCE_SIDE, corners: 0.02 * REFERENCE_SIDE },
  ],
  ({ size }) => {
    const buffers = makeBlurBuffers(size);
    const fields = [new Float32Array(size), new Float32Array(size)];
    let flat: Layout | undefined;
    return ({ alpha, sigma, corners }, seen, out, layout, { random }) => {
      const { height, width, channels, rowStep, columnStep, channelStep } = layout;
      const scale = lengthScale(layout);
      if (flat === undefined || flat.width !== width || flat.height !== height)
        flat = { ...layout, channels: 1, rowStep: width, columnStep: 1, channelStep: height * width };
      const pixels = height * width;
      const deviation = ((alpha * UNIFORM_DEVIATION) / (2 * Math.sqrt(Math.PI) * sigma)) * scale;
      for (const field of fields) {
        for (let i = 0; i < pixels; i++) field[i] = 2 * random.uniform() - 1;
        gaussianBlur(field, field, flat, Math.min(sigma * scale, width / 4), buffers);
        let squares = 0;
        for (let i = 0; i < pixels; i++) squares += field[i] * field[i];
        const factor = deviation / Math.sqrt(squares / pixels || 1);
        for (let i = 0; i < pixels; i++) field[i] *= factor;
      }
      // Three corners of a square of a third of the side are moved; the map follows them.
      const third = Math.min(width, height) / 3;
      const draw = (): number => (drawBetween(random, -corners, corners) * scale) / (2 * third);
      const [a, b, d, e] = [1 + draw(), draw(), draw(), 1 + draw()];
      const [shiftX, shiftY] = [draw() * third, draw() * third];
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const u = x - (width - 1) / 2;
          const v = y - (height - 1) / 2;
          const fromX = a * u + b * v + (width - 1) / 2 + shiftX + fields[0][y * width + x];
          const fromY = d * u + e * v + (height - 1) / 2 + shiftY + fields[1][y * width + x];
          for (let c = 0; c < channels; c++)
            out[y * rowStep + x * columnStep + c * channelStep] = sampleClamped(
              seen,
              layout,
              fromX,
              fromY,
              c,
            );
        }
      }
    };
  },
);
