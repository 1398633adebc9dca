import type { BatchResult } from '../model/batched-model.ts';
import { argmax, cosineSimilarity, klDivergence, RowReader } from '../objectives/output-difference.ts';
import { lastAxisLength, matchOutputs, type OutputPair } from '../objectives/output-pair.ts';
import { DTYPES } from '../tensor/tensor.ts';

/** How one output differs between two models over all testcases. */
export interface OutputComparison {
  readonly output: string;
  /** Fraction of testcases with the same class in both; null if the output has no classes. */
  readonly agreement: number | null;
  /** Quantiles of each testcase's largest absolute difference. */
  readonly difference: Quantiles;
  /** Cosine similarity: smallest and mean. */
  readonly cosine: { readonly least: number; readonly mean: number };
  /** Kullback-Leibler divergence of the softmaxes in nats: greatest and mean; null if an output has single values. */
  readonly kl: { readonly most: number; readonly mean: number } | null;
}

export interface Quantiles {
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly most: number;
}

/** Measurements of one output, one per testcase. */
interface Measurements {
  agreements: number;
  readonly hasClasses: boolean;
  readonly differences: number[];
  readonly cosines: number[];
  readonly divergences: number[];
}

/** Collects differences between the outputs of two models, batch by batch. */
export class OutputTally {
  readonly #byOutput = new Map<string, Measurements>();
  readonly #referenceReader = new RowReader();
  readonly #secondReader = new RowReader();

  /** Adds a batch; returns the largest absolute difference in any output, per row. */
  add(result: BatchResult): number[] {
    const largest = new Array<number>(result.rows).fill(0);
    for (const pair of matchOutputs(result)) {
      const measurements = this.#measurementsOf(pair);
      for (let row = 0; row < result.rows; row++)
        largest[row] = Math.max(largest[row], this.#addRow(pair, row, measurements));
    }
    return largest;
  }

  comparisons(testcases: number): OutputComparison[] {
    return [...this.#byOutput].map(([output, measurements]) =>
      compareOutput(output, measurements, testcases),
    );
  }

  #measurementsOf({ reference }: OutputPair): Measurements {
    let measurements = this.#byOutput.get(reference.name);
    if (measurements === undefined) {
      const isFloat = DTYPES[reference.type].kind === 'float';
      const hasClasses = !isFloat || lastAxisLength(reference) > 1;
      measurements = { agreements: 0, hasClasses, differences: [], cosines: [], divergences: [] };
      this.#byOutput.set(reference.name, measurements);
    }
    return measurements;
  }

  /** Returns the row's largest absolute difference. */
  #addRow({ reference, second }: OutputPair, row: number, measurements: Measurements): number {
    const isFloat = DTYPES[reference.type].kind === 'float';
    const count = lastAxisLength(reference);
    const a = this.#referenceReader.read(reference, row);
    const b = this.#secondReader.read(second, row);
    const difference = largestDifference(a, b);
    measurements.differences.push(difference);
    if (isFloat) measurements.cosines.push(cosineSimilarity(a, b));
    if (isFloat && count > 1) measurements.divergences.push(klDivergence(a, b, count));
    let agrees = true;
    for (let from = 0; from < a.length && agrees; from += count)
      agrees = isFloat ? argmax(a, from, count) === argmax(b, from, count) : difference === 0;
    if (agrees) measurements.agreements++;
    return difference;
  }
}

/** Largest absolute difference; Infinity where one side alone is NaN, or both are infinite with opposite signs. */
function largestDifference(a: Float64Array, b: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Object.is(a[i], b[i]) ? 0 : Math.abs(a[i] - b[i]);
    if (difference > largest) largest = difference;
    else if (Number.isNaN(difference)) largest = Number.POSITIVE_INFINITY;
  }
  return largest;
}

function compareOutput(output: string, measurements: Measurements, testcases: number): OutputComparison {
  const { agreements, hasClasses, differences, cosines, divergences } = measurements;
  const sorted = [...differences].sort((a, b) => a - b);
  const quantile = (fraction: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))];
  return {
    output,
    agreement: hasClasses ? agreements / testcases : null,
    difference: {
      median: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
      most: sorted[sorted.length - 1],
    },
    cosine: { least: Math.min(1, ...cosines), mean: cosines.length === 0 ? 1 : mean(cosines) },
    kl: divergences.length === 0 ? null : { most: Math.max(...divergences), mean: mean(divergences) },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
