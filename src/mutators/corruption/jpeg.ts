import { makeCorruption } from './corruption.ts';

/** Quantization tables of ITU-T T.81, annex K, for luminance and chrominance. */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22,
  29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103,
  121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
] as const;
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
] as const;

const BLOCK_SIDE = 8;

/** Basis of the orthonormal cosine transform: cos((2x + 1)·u·π / 16) times its scale, `[u][x]`. */
const COSINES = Float64Array.from({ length: BLOCK_SIDE * BLOCK_SIDE }, (_, i) => {
  const u = Math.floor(i / BLOCK_SIDE);
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * (i % BLOCK_SIDE) + 1) * u * Math.PI) / 16);
});

/** Quantization step at a quality from 1 to 100, scaled as by the Independent JPEG Group's library. */
function quantizationStep(base: number, quality: number): number {
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return Math.min(255, Math.max(1, Math.floor((base * scale + 50) / 100)));
}

/**
 * JPEG compression and decompression without entropy coding: cosine transform of 8×8 blocks, quantization, and back.
 * Chrominance keeps its full resolution.
 */
export const jpeg = makeCorruption(
  { name: 'jpeg', help: 'compresses the picture as JPEG', cost: 840 },
  [25, 18, 15, 10, 7],
  ({ size }) => {
    const planes = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
    const block = new Float64Array(BLOCK_SIDE * BLOCK_SIDE);
    const rows = new Float64Array(BLOCK_SIDE * BLOCK_SIDE);
    return (quality, seen, out, layout) => {
      const { height, width, channels, rowStep, columnStep, channelStep, rgb } = layout;
      const pixels = height * width;
      const isColour = channels === 3;
      const [r, g, b] = rgb;
      for (let n = 0; n < pixels; n++) {
        const at = Math.floor(n / width) * rowStep + (n % width) * columnStep;
        const [red, green, blue] = [
          seen[at + r * channelStep],
          seen[at + g * channelStep],
          seen[at + b * channelStep],
        ];
        planes[0][n] = 255 * (isColour ? 0.299 * red + 0.587 * green + 0.114 * blue : red) - 128;
        if (!isColour) continue;
        planes[1][n] = 255 * (-0.168736 * red - 0.331264 * green + 0.5 * blue);
        planes[2][n] = 255 * (0.5 * red - 0.418688 * green - 0.081312 * blue);
      }
      for (let plane = 0; plane < (isColour ? 3 : 1); plane++) {
        const table = plane === 0 ? LUMINANCE : CHROMINANCE;
        for (let top = 0; top < height; top += BLOCK_SIDE)
          for (let left = 0; left < width; left += BLOCK_SIDE)
            quantizeBlock(planes[plane], height, width, top, left, table, quality, block, rows);
      }
      for (let n = 0; n < pixels; n++) {
        const at = Math.floor(n / width) * rowStep + (n % width) * columnStep;
        const y = planes[0][n] + 128;
        if (!isColour) {
          out[at] = y / 255;
          continue;
        }
        const cb = planes[1][n];
        const cr = planes[2][n];
        out[at + r * channelStep] = (y + 1.402 * cr) / 255;
        out[at + g * channelStep] = (y - 0.344136 * cb - 0.714136 * cr) / 255;
        out[at + b * channelStep] = (y + 1.772 * cb) / 255;
      }
    };
  },
);

/** Quantizes the coefficients of one block of a plane; outside the picture its border is repeated. */
function quantizeBlock(
  plane: Float64Array,
  height: number,
  width: number,
  top: number,
  left: number,
  table: readonly number[],
  quality: number,
  block: Float64Array,
  rows: Float64Array,
): void {
  for (let y = 0; y < BLOCK_SIDE; y++) {
    const row = Math.min(height - 1, top + y) * width;
    for (let x = 0; x < BLOCK_SIDE; x++)
      block[y * BLOCK_SIDE + x] = plane[row + Math.min(width - 1, left + x)];
  }
  transformBlock(block, rows, false);
  for (let i = 0; i < BLOCK_SIDE * BLOCK_SIDE; i++) {
    const step = quantizationStep(table[i], quality);
    block[i] = Math.round(block[i] / step) * step;
  }
  transformBlock(block, rows, true);
  for (let y = 0; y < BLOCK_SIDE && top + y < height; y++)
    for (let x = 0; x < BLOCK_SIDE && left + x < width; x++)
      plane[(top + y) * width + left + x] = block[y * BLOCK_SIDE + x];
}

/** Cosine transform of a block in place, or its inverse, as passes along rows and columns. */
function transformBlock(block: Float64Array, rows: Float64Array, inverse: boolean): void {
  for (let y = 0; y < BLOCK_SIDE; y++) {
    for (let u = 0; u < BLOCK_SIDE; u++) {
      let sum = 0;
      for (let x = 0; x < BLOCK_SIDE; x++)
        sum += block[y * BLOCK_SIDE + x] * COSINES[inverse ? x * BLOCK_SIDE + u : u * BLOCK_SIDE + x];
      rows[y * BLOCK_SIDE + u] = sum;
    }
  }
  for (let x = 0; x < BLOCK_SIDE; x++) {
    for (let v = 0; v < BLOCK_SIDE; v++) {
      let sum = 0;
      for (let y = 0; y < BLOCK_SIDE; y++)
        sum += rows[y * BLOCK_SIDE + x] * COSINES[inverse ? y * BLOCK_SIDE + v : v * BLOCK_SIDE + y];
      block[v * BLOCK_SIDE + x] = sum;
    }
  }
}
