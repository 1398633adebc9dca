import { makeCorruption } from './corruption.ts';

/** The value of hue, saturation and value is raised by c; hue and saturation stay. */
export const bright = makeCorruption(
  { name: 'bright', help: 'brightens the picture and keeps its colours', cost: 95 },
  [0.1, 0.2, 0.3, 0.4, 0.5],
  () => (much, seen, out, layout) => {
    const { height, width, channels, rowStep, columnStep, channelStep } = layout;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = y * rowStep + x * columnStep;
        let value = 0;
        for (let c = 0; c < channels; c++) value = Math.max(value, seen[at + c * channelStep]);
        const raised = Math.min(1, value + much);
        for (let c = 0; c < channels; c++) {
          const i = at + c * channelStep;
          out[i] = value > 0 ? (seen[i] * raised) / value : raised;
        }
      }
    }
  },
);
