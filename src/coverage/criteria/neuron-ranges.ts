import { UserError } from '../../core/errors.ts';
import type { BatchResult } from '../../model/batched-model.ts';
import type { CoverageCriterionSettings } from '../criterion.ts';
import { DEFAULT_LAYOUT, type NeuronValues, neuronReader } from '../neurons.ts';
import { type ReferenceCollector, referencePart } from '../reference.ts';

/** The range that each neuron had on the reference inputs, and its standard deviation there. */
export interface NeuronRanges {
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly deviation: Float32Array;
}

/** Collects the ranges of neurons; runs in which one is not finite do not count for it. */
export class RangeCollector implements ReferenceCollector {
  readonly #read: (result: BatchResult) => NeuronValues;
  #low: Float32Array | undefined;
  #high = new Float32Array(0);
  #counts = new Float64Array(0);
  #means = new Float64Array(0);
  /** Sums of squared differences from the mean, by Welford's method. */
  #squares = new Float64Array(0);

  constructor({ layout = DEFAULT_LAYOUT }: Pick<CoverageCriterionSettings, 'layout'>) {
    this.#read = neuronReader(layout);
  }

  add(result: BatchResult): void {
    const { rows, width, values } = this.#read(result);
    const low = this.#lowOf(width);
    for (let row = 0; row < rows; row++)
      for (let neuron = 0; neuron < width; neuron++)
        this.#addValue(low, neuron, values[row * width + neuron]);
  }

  finish(): { readonly low: Float32Array; readonly high: Float32Array; readonly deviation: Float32Array } {
    const low = this.#lowOf(0);
    const deviation = Float32Array.from(this.#squares, (sum, i) =>
      Math.sqrt(sum / Math.max(1, this.#counts[i])),
    );
    return { low, high: this.#high, deviation };
  }

  #lowOf(width: number): Float32Array {
    if (this.#low === undefined) {
      this.#low = new Float32Array(width).fill(Number.POSITIVE_INFINITY);
      this.#high = new Float32Array(width).fill(Number.NEGATIVE_INFINITY);
      this.#counts = new Float64Array(width);
      this.#means = new Float64Array(width);
      this.#squares = new Float64Array(width);
    }
    return this.#low;
  }

  #addValue(low: Float32Array, neuron: number, value: number): void {
    if (!Number.isFinite(value)) return;
    if (value < low[neuron]) low[neuron] = value;
    if (value > this.#high[neuron]) this.#high[neuron] = value;
    const count = ++this.#counts[neuron];
    const difference = value - this.#means[neuron];
    this.#means[neuron] += difference / count;
    this.#squares[neuron] += difference * (value - this.#means[neuron]);
  }
}

/** The ranges that a `RangeCollector` collected. */
export function neuronRanges({ reference }: CoverageCriterionSettings): NeuronRanges {
  const [low, high, deviation] = ['low', 'high', 'deviation'].map((name) => referencePart(reference, name));
  return { low, high, deviation };
}

/** @throws UserError where a run has another number of neurons than the reference */
export function checkWidth({ width }: NeuronValues, { low }: NeuronRanges): void {
  if (width !== low.length)
    throw new UserError(
      `--coverage: the sizes of the watched tensors depend on that of the input: the reference inputs have ${low.length} neurons, and another has ${width}; choose other tensors`,
    );
}
