import { squaredDistance } from '../../observation.ts';
import type { ReferenceTraces } from './reference-traces.ts';
import type { SurpriseMeasure } from './surprise-measure.ts';

/** Distance-based surprise adequacy (Kim et al., ICSE 2019, equations 5 to 7). */
export class DistanceSurprise implements SurpriseMeasure {
  readonly #traces: ReferenceTraces;
  /** By class, of each of its traces the squared distance from the nearest trace of another class. */
  readonly #fromOthers = new Map<number, Float64Array>();

  constructor(traces: ReferenceTraces) {
    this.#traces = traces;
    for (const predicted of traces.classes) this.#fromOthers.set(predicted, nearestOthers(traces, predicted));
  }

  /** NaN for a class that no reference input has. */
  of(values: Float32Array, row: number, predictedClass: number): number {
    const { width, byClass } = this.#traces;
    const sameClass = byClass.get(predictedClass);
    const fromOthers = this.#fromOthers.get(predictedClass);
    if (sameClass === undefined || fromOthers === undefined) return Number.NaN;
    const trace = values.subarray(row * width, (row + 1) * width);
    const { index, squared } = nearest(sameClass, trace);
    return Math.sqrt(squared / fromOthers[index]);
  }
}

function nearestOthers({ width, classes, byClass }: ReferenceTraces, predicted: number): Float64Array {
  const sameClass = byClass.get(predicted) ?? new Float32Array(0);
  const others = classes.filter((other) => other !== predicted).map((other) => byClass.get(other));
  return Float64Array.from({ length: sameClass.length / width }, (_, i) => {
    const trace = sameClass.subarray(i * width, (i + 1) * width);
    return others.reduce(
      (least, traces) => (traces === undefined ? least : Math.min(least, nearest(traces, trace).squared)),
      Number.POSITIVE_INFINITY,
    );
  });
}

/** The trace of `[count, width]` that is nearest to one; of equal ones the first. */
function nearest(
  traces: Float32Array,
  trace: Float32Array,
): { readonly index: number; readonly squared: number } {
  const width = trace.length;
  let index = 0;
  let squared = Number.POSITIVE_INFINITY;
  for (let i = 0; i * width < traces.length; i++) {
    const distance = squaredDistance(traces, i * width, trace);
    if (distance < squared) {
      squared = distance;
      index = i;
    }
  }
  return { index, squared };
}
