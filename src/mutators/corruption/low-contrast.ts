import { makeCorruption } from './corruption.ts';

/** (x − mean)·c + mean, by channel. */
export const lowContrast = makeCorruption(
  { name: 'low-contrast', help: 'moves levels toward their mean', cost: 60 },
  [0.4, 0.3, 0.2, 0.1, 0.05],
  () => (share, seen, out, layout) => {
    const { height, width, channels, columnStep, channelStep } = layout;
    const pixels = height * width;
    for (let c = 0; c < channels; c++) {
      const start = c * channelStep;
      let sum = 0;
      for (let n = 0; n < pixels; n++) sum += seen[start + n * columnStep];
      const mean = sum / pixels;
      for (let n = 0; n < pixels; n++) {
        const i = start + n * columnStep;
        out[i] = (seen[i] - mean) * share + mean;
      }
    }
  },
);
