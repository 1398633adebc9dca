import { defineCoverage } from '../../src/index.ts';
import type { BatchResult } from '../../src/model/batched-model.ts';
import { besideLength } from './beside-lengths.ts';

const WEIGHT = {
  name: 'weight',
  default: 0,
  help: 'weight beside the length; 0: without the length',
  min: 0,
  max: 1e6,
};

/** x/σ, or (‖x‖, w·x/σ): values by their standard deviation over the seeds. */
export default defineCoverage({
  name: 'spread',
  help: 'values by their spread over the seeds',
  parameters: [WEIGHT],
  collectReference() {
    const rows: Float32Array[] = [];
    return {
      add({ rows: count, activations: [{ data, size }] }: BatchResult) {
        for (let row = 0; row < count; row++)
          rows.push(Float32Array.from(data.subarray(row * size, (row + 1) * size) as Float32Array));
      },
      finish() {
        const mean = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
        const deviation = mean.map((value, i) =>
          Math.sqrt(rows.reduce((sum, row) => sum + (row[i] - value) ** 2, 0) / rows.length),
        );
        return { deviation };
      },
    };
  },
  make(values, { reference }) {
    const weight = values(WEIGHT);
    const deviation = reference?.deviation ?? new Float32Array(0);
    const scaled = (data: Float32Array, from: number, size: number, target: Float32Array, scale: number) => {
      for (let i = 0; i < size; i++) target[i] = (scale * data[from + i]) / (deviation[i] || 1);
    };
    if (weight > 0)
      return besideLength(
        ({ size }) => size,
        (data, from, size, target) => scaled(data, from, size, target, weight),
      );
    return {
      observe({ rows, activations: [{ data, size }] }: BatchResult) {
        const observations = new Float32Array(rows * size);
        for (let row = 0; row < rows; row++)
          scaled(data as Float32Array, row * size, size, observations.subarray(row * size), 1);
        return observations;
      },
    };
  },
});
