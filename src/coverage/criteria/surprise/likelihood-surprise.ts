import { NO_CLASS } from '../../../inputs/class-label.ts';
import { GaussianKde } from './gaussian-kde.ts';
import { classOrNone, joinTraces, type ReferenceTraces } from './reference-traces.ts';
import type { SurpriseMeasure } from './surprise-measure.ts';

/**
 * Likelihood-based surprise adequacy (Kim et al., ICSE 2019, equations 1 to 3). A row of a class with fewer than two reference
 * inputs is compared with all of them.
 */
export class LikelihoodSurprise implements SurpriseMeasure {
  readonly #traces: ReferenceTraces;
  readonly #neurons: Int32Array;
  readonly #densities = new Map<number, GaussianKde>();
  readonly #point: Float64Array;

  /** @param minVariance neurons whose variance is less in some class do not count */
  constructor(traces: ReferenceTraces, minVariance: number) {
    this.#traces = traces;
    const { width, byClass } = traces;
    const estimated = [...byClass].filter(([, { length }]) => length >= 2 * width);
    const all = joinTraces(traces);
    this.#neurons = neuronsThatCount(traces, minVariance);
    for (const [predicted, ofClass] of estimated) this.#densities.set(predicted, this.#densityOf(ofClass));
    this.#densities.set(NO_CLASS, this.#densityOf(all));
    this.#point = new Float64Array(this.#neurons.length);
  }

  of(values: Float32Array, row: number, predictedClass: number): number {
    const { width } = this.#traces;
    const density =
      this.#densities.get(classOrNone(this.#traces, predictedClass)) ?? this.#densities.get(NO_CLASS);
    this.#neurons.forEach((neuron, i) => {
      this.#point[i] = values[row * width + neuron];
    });
    return density === undefined ? Number.NaN : -density.logDensity(this.#point);
  }

  #densityOf(traces: Float32Array): GaussianKde {
    const { width } = this.#traces;
    const count = traces.length / width;
    const selected = new Float64Array(count * this.#neurons.length);
    for (let trace = 0; trace < count; trace++)
      this.#neurons.forEach((neuron, i) => {
        selected[trace * this.#neurons.length + i] = traces[trace * width + neuron];
      });
    return new GaussianKde(selected, this.#neurons.length);
  }
}

/** Neurons that densities are estimated over at most: the time to prepare them grows with the third power. */
export const MAX_NEURONS = 1024;

/** How many neurons count; densities are estimated over up to `MAX_NEURONS`. */
export function countNeurons(traces: ReferenceTraces, minVariance: number): number {
  return neuronsThatCount(traces, minVariance).length;
}

/** The least surprise of the reference inputs themselves; infinite where none has any. */
export function leastSurprise(traces: ReferenceTraces, minVariance: number): number {
  const measure = new LikelihoodSurprise(traces, minVariance);
  let least = Number.POSITIVE_INFINITY;
  for (const [predicted, ofClass] of traces.byClass)
    for (let row = 0; row * traces.width < ofClass.length; row++) {
      const value = measure.of(ofClass, row, predicted);
      if (value < least) least = value;
    }
  return least;
}

/** Neurons whose values vary in every class with several reference inputs; where there is no such class, among all of them. */
function neuronsThatCount(traces: ReferenceTraces, minVariance: number): Int32Array {
  const { width, byClass } = traces;
  const estimated = [...byClass.values()].filter(({ length }) => length >= 2 * width);
  return varyingNeurons(estimated.length === 0 ? [joinTraces(traces)] : estimated, width, minVariance);
}

/** Neurons whose values vary in every class. */
function varyingNeurons(classes: readonly Float32Array[], width: number, minVariance: number): Int32Array {
  const varies = (traces: Float32Array, neuron: number): boolean => {
    const count = traces.length / width;
    let mean = 0;
    for (let i = 0; i < count; i++) mean += traces[i * width + neuron] / count;
    let variance = 0;
    for (let i = 0; i < count; i++) variance += (traces[i * width + neuron] - mean) ** 2 / count;
    return variance >= minVariance;
  };
  return Int32Array.from(
    Array.from({ length: width }, (_, neuron) => neuron).filter((neuron) =>
      classes.every((traces) => varies(traces, neuron)),
    ),
  );
}
