import { makeCorruption } from './corruption.ts';

/** Shrinks the picture by averaging boxes and enlarges it again without smoothing. */
export const pixelate = makeCorruption(
  { name: 'pixelate', help: 'builds the picture from fewer, larger pixels', cost: 115 },
  [0.6, 0.5, 0.4, 0.3, 0.25],
  ({ size }) => {
    const sums = new Float64Array(size);
    const counts = new Float64Array(size);
    return (share, seen, out, layout) => {
      const { height, width, channels, rowStep, columnStep, channelStep } = layout;
      const wide = Math.max(1, Math.floor(width * share));
      const high = Math.max(1, Math.floor(height * share));
      for (let c = 0; c < channels; c++) {
        sums.fill(0, 0, wide * high);
        counts.fill(0, 0, wide * high);
        for (let y = 0; y < height; y++) {
          const row = Math.floor((y * high) / height) * wide;
          for (let x = 0; x < width; x++) {
            const box = row + Math.floor((x * wide) / width);
            sums[box] += seen[y * rowStep + x * columnStep + c * channelStep];
            counts[box]++;
          }
        }
        for (let y = 0; y < height; y++) {
          const row = Math.floor((y * high) / height) * wide;
          for (let x = 0; x < width; x++) {
            const box = row + Math.floor((x * wide) / width);
            out[y * rowStep + x * columnStep + c * channelStep] = sums[box] / counts[box];
          }
        }
      }
    };
  },
);
